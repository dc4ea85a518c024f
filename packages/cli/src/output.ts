import { once } from "node:events";
import type { ErrorReport } from "./errors.js";

/** Where a command writes. Data goes to `out`, everything that is said about it to `err`. */
export interface Output {
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

export function say(output: Output, line: string): void {
  output.out.write(`${line}\n`);
}

export function sayJson(output: Output, value: unknown): void {
  output.out.write(`${JSON.stringify(value)}\n`);
}

/** Bytes as they are; a newline only where a person would miss it. */
export function sayBytes(output: Output, bytes: Uint8Array): void {
  output.out.write(bytes);
  if (output.out.isTTY === true) output.out.write("\n");
}

/** `error: what went wrong (CODE)`, or the same as one JSON object. */
export function sayError(output: Output, report: ErrorReport, json: boolean): void {
  const { code, message, exitCode, facts } = report;
  if (json) output.err.write(`${JSON.stringify({ error: { code, message, exitCode, ...facts } })}\n`);
  // What scripts were promised word by word: the answer is no, but nothing went wrong.
  else if (code === "KEY_NOT_FOUND") output.err.write(`${message}\n`);
  else output.err.write(`error: ${message} (${code})\n`);
}

/** A cell that is not known shows as a dash, so that columns can be counted in a pipe; a boolean as `yes` or `no`. */
export type Cell = string | number | boolean | null | undefined;

function cellText(cell: Cell): string {
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  return cell === null || cell === undefined || cell === "" ? "-" : String(cell);
}

/** Boxes on a terminal; in a pipe, columns of plain text with two spaces between. */
export async function sayTable(
  output: Output,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  const texts = rows.map((row) => row.map(cellText));
  if (output.out.isTTY === true) {
    const { default: Table } = await import("cli-table3");
    const table = new Table({ head: [...heads], style: { head: [], border: [], compact: true } });
    table.push(...texts);
    say(output, table.toString());
    return;
  }
  const lines = [heads.map((head) => head.toUpperCase()), ...texts];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    say(
      output,
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

/** UTF-8 text of the bytes, or null when they are none: JSON must not change what it shows. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** `{ key: "text", keyBase64: null }`, or the other way round when the bytes are no text. */
export function bytesFields<Name extends string>(name: Name, bytes: Uint8Array) {
  const text = textOf(bytes);
  const base64 = text === null ? Buffer.from(bytes).toString("base64") : null;
  return { [name]: text, [`${name}Base64`]: base64 } as Record<Name | `${Name}Base64`, string | null>;
}

/** As fast as whoever reads it, not faster. */
export async function sayChunk(output: Output, chunk: string | Uint8Array): Promise<void> {
  if (!output.out.write(chunk)) await once(output.out, "drain");
}
