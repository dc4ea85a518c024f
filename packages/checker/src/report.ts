import type { Violation } from "./explain.js";
import { endOf } from "./history.js";
import type { Operation } from "./history.js";
import { describeOperation, summarize } from "./summarize.js";

const BAR_COLUMNS = 40;
const ORDER_SHOWN = 8;
const WINDOW_SHOWN = 24;

/** Says in a few lines what is wrong with a history, with the offending window drawn as bars. Ends without a newline. */
export function describeViolation(violation: Violation): string {
  const { key, at, window, placed, stateAfter, notPlaced } = violation;
  const lines = [
    `not linearizable: key ${JSON.stringify(key)}, since ${describeOperation(at)}`,
    `these cannot all have been answered as they were${whateverElse(violation)}:`,
    ...drawWindow(window.slice(-WINDOW_SHOWN)).map((line) => `  ${line}`),
  ];
  if (window.length > WINDOW_SHOWN) lines.push(`  and ${window.length - WINDOW_SHOWN} earlier ones`);
  const shown = placed.slice(-ORDER_SHOWN).map(summarize);
  if (placed.length > shown.length) shown.unshift(`${placed.length - shown.length} more`);
  lines.push(`longest order found: ${shown.length === 0 ? "none" : shown.join(", ")}`);
  lines.push(`  it ends in the state ${stateAfter}, where none of these can come next:`);
  lines.push(...notPlaced.map((operation) => `    ${describeOperation(operation)}`));
  return lines.join("\n");
}

function whateverElse({ since, others }: Violation): string {
  const before = since === null ? "" : ", whatever the key held before";
  if (others === 0) return before;
  const concurrent = others === 1 ? "one other operation is" : `${others} other operations are`;
  return `${before}${since === null ? "," : " and"} wherever the ${concurrent} placed`;
}

/** A bar for each operation, over one common axis on which only the order counts. */
function drawWindow(window: readonly Operation[]): string[] {
  const positions = window.flatMap((operation) => [operation.call, endOf(operation)]).filter(Number.isFinite);
  const axis = [...new Set(positions)].sort((a, b) => a - b);
  const column = (position: number): number =>
    Math.round((axis.indexOf(position) / Math.max(axis.length - 1, 1)) * (BAR_COLUMNS - 1));
  return window.map((operation) => {
    const from = column(operation.call);
    const to = operation.return === null ? BAR_COLUMNS - 1 : column(operation.return);
    const bar = `${" ".repeat(from)}|${"-".repeat(Math.max(to - from - 1, 0))}${operation.return === null ? ">" : "|"}`;
    return `${bar.padEnd(BAR_COLUMNS + 2)} ${describeOperation(operation)}`;
  });
}
