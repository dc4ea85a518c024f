import CliTable from "cli-table3";
import type { Table } from "./tables.js";

/** For a terminal or a log. */
export function plainTable({ title, head, rows }: Table): string {
  const table = new CliTable({
    head: [...head],
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
    colAligns: head.map((_, index) => (index === 0 ? "left" : "right")),
    style: { head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return `\n${title}\n${table.toString()}\n`;
}

export function markdownTable({ title, head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const lines = [line(head), line(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)];
  return `### ${title}\n\n${lines.join("\n")}\n`;
}
