import type { Violation } from "./explain.js";
import { endOf } from "./history.js";
import type { Operation } from "./history.js";

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

/** One operation in one line, with its process and its place in the order. */
export function describeOperation(operation: Operation): string {
  const end = operation.return === null ? "open" : `return ${operation.return}`;
  return `process ${operation.process}: ${summarize(operation)} (call ${operation.call}, ${end})`;
}

/** What was asked and told, without who and when. */
export function summarize(operation: Operation): string {
  const isTold = operation.outcome === "ok";
  const answer = (text: string): string =>
    isTold ? ` -> ${text}` : operation.outcome === "fail" ? " failed" : " -> ?";
  switch (operation.op) {
    case "read":
      return `read${answer(operation.value === null ? "unset" : JSON.stringify(operation.value))}`;
    case "write":
      return `write ${JSON.stringify(operation.value)}${isTold ? "" : answer("")}`;
    case "cas": {
      const asked = `cas ${JSON.stringify(operation.expected)} to ${JSON.stringify(operation.value)}`;
      return asked + answer(operation.swapped === true ? "swapped" : "refused");
    }
    case "get": {
      const facts = told({
        revision: operation.modRevision,
        created: operation.createRevision,
        version: operation.version,
      });
      return `get${answer((operation.value === null ? "missing" : JSON.stringify(operation.value)) + facts)}`;
    }
    case "put": {
      const facts = told({ revision: operation.revision });
      return `put ${JSON.stringify(operation.value)}${isTold ? facts : answer("")}`;
    }
    case "delete": {
      const found = operation.deleted === null ? "done" : operation.deleted ? "deleted" : "nothing there";
      return `delete${answer(found + told({ revision: operation.revision }))}`;
    }
    case "add":
      return `add ${JSON.stringify(operation.value)}${isTold ? "" : answer("")}`;
    case "members":
      return `members${answer(`${operation.values.length} elements`)}`;
    case "increment":
      return `increment by ${operation.by}${answer(operation.total === null ? "done" : String(operation.total))}`;
    case "total":
      return `total${answer(String(operation.total))}`;
  }
}

function told(facts: Readonly<Record<string, number | null>>): string {
  const known = Object.entries(facts).filter(([, value]) => value !== null);
  return known.length === 0 ? "" : ` (${known.map(([name, value]) => `${name} ${value}`).join(", ")})`;
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
