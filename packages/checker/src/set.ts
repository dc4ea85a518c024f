import { endOf, splitByKey } from "./history.js";
import type { Add, Members, SetOperation } from "./history.js";
import { validateHistory } from "./validate.js";

export interface SetFinding {
  readonly kind: "lost" | "unexpected" | "repeated";
  readonly key: string;
  readonly element: string | number;
  readonly read: Members;
  /** In words: why the element had to be there, or must not. */
  readonly reason: string;
}

export interface SetResult {
  readonly ok: boolean;
  readonly findings: readonly SetFinding[];
  readonly adds: number;
  /** Elements whose add had an unknown outcome and that were read: they did take effect. */
  readonly recovered: number;
  /** Reads with an answer. A history without one proves nothing, and is not `ok`. */
  readonly reads: number;
}

/**
 * Elements are added, never removed. In every read must be what was acknowledged, or read, before the read began; and
 * nothing else than what somebody had begun to add before the read ended; each once.
 * @throws {HistoryError} the history is malformed or has other operations than `add` and `members`.
 */
export function checkSet(history: readonly SetOperation[]): SetResult {
  validateHistory(history, ["add", "members"]);
  const findings: SetFinding[] = [];
  let adds = 0;
  let reads = 0;
  let recovered = 0;
  for (const [key, operations] of splitByKey(history)) {
    const added = operations.filter((operation) => operation.op === "add");
    const read = operations.filter(
      (operation) => operation.op === "members" && operation.outcome === "ok",
    ) as Members[];
    adds += added.length;
    reads += read.length;
    const elements = new Map<string | number, Element>();
    for (const add of added) noteAdd(elements, add);
    for (const members of read) noteRead(elements, members);
    for (const members of read) judgeRead(key, members, elements, findings);
    const seen = new Set(read.flatMap((members) => members.values));
    recovered += added.filter((add) => add.outcome === "unknown" && seen.has(add.value)).length;
  }
  return { ok: findings.length === 0 && reads > 0, findings, adds, recovered, reads };
}

interface Element {
  /** Every read that is called after this position must show it; infinite while it may be missing. */
  certainFrom: number;
  /** No read that ended before this position may show it; infinite when no add of it can have had an effect. */
  possibleFrom: number;
  /** What made it certain. */
  why: string;
}

function noteAdd(elements: Map<string | number, Element>, add: Add): void {
  let element = elements.get(add.value);
  if (element === undefined) {
    element = { certainFrom: Number.POSITIVE_INFINITY, possibleFrom: Number.POSITIVE_INFINITY, why: "" };
    elements.set(add.value, element);
  }
  if (add.outcome === "fail") return;
  element.possibleFrom = Math.min(element.possibleFrom, add.call);
  if (add.return === null || add.return >= element.certainFrom) return;
  element.certainFrom = add.return;
  element.why = `its add by process ${add.process} was acknowledged at ${add.return}`;
}

function noteRead(elements: ReadonlyMap<string | number, Element>, read: Members): void {
  for (const value of read.values) {
    const element = elements.get(value);
    if (element === undefined || endOf(read) >= element.certainFrom) continue;
    element.certainFrom = endOf(read);
    element.why = `process ${read.process} had read it at ${read.return}`;
  }
}

function judgeRead(
  key: string,
  read: Members,
  elements: ReadonlyMap<string | number, Element>,
  findings: SetFinding[],
): void {
  const values = new Set<string | number>();
  for (const value of read.values) {
    if (values.has(value))
      findings.push({ kind: "repeated", key, element: value, read, reason: "it is there twice" });
    values.add(value);
    const reason = whyUnexpected(elements.get(value), endOf(read));
    if (reason !== null) findings.push({ kind: "unexpected", key, element: value, read, reason });
  }
  for (const [value, element] of elements)
    if (element.certainFrom < read.call && !values.has(value))
      findings.push({ kind: "lost", key, element: value, read, reason: element.why });
}

function whyUnexpected(element: Element | undefined, readEnd: number): string | null {
  if (element === undefined) return "nobody added it";
  if (element.possibleFrom === Number.POSITIVE_INFINITY) return "its add failed";
  return element.possibleFrom > readEnd ? `its add was called at ${element.possibleFrom} only` : null;
}
