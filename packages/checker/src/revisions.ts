import { inCallOrder } from "./history.js";
import type { Delete, Get, KvOperation, Put } from "./history.js";
import { validateHistory } from "./validate.js";

export interface RevisionFinding {
  readonly kind: "used twice" | "goes back";
  readonly revision: number;
  readonly operation: KvOperation;
  /** In words: what it contradicts. */
  readonly reason: string;
}

export interface RevisionsResult {
  readonly ok: boolean;
  readonly findings: readonly RevisionFinding[];
  /** Changes whose revision was told. A history without one proves nothing, and is not `ok`. */
  readonly revisions: number;
}

/**
 * Revisions count the changes of the whole store, so unlike linearizability this looks across keys:
 * - each is used once: by one change of one key. A get that tells a revision tells of the change that made it;
 * - they follow real time: what was acknowledged before another change was called has the smaller revision.
 * @throws {HistoryError} the history is malformed or has other operations than `get`, `put` and `delete`.
 */
export function checkRevisions(history: readonly KvOperation[]): RevisionsResult {
  validateHistory(history, ["get", "put", "delete"]);
  const ordered = inCallOrder(history).filter((operation) => operation.outcome === "ok");
  const findings: RevisionFinding[] = [];
  const revisions = checkUse(ordered, findings);
  checkRealTime(ordered, findings);
  return { ok: findings.length === 0 && revisions > 0, findings, revisions };
}

/** What the change behind a revision is known to have been. */
interface Use {
  readonly operation: KvOperation;
  readonly change: string;
}

function checkUse(ordered: readonly KvOperation[], findings: RevisionFinding[]): number {
  const uses = new Map<number, Use>();
  let revisions = 0;
  for (const operation of ordered) {
    if (operation.op === "get" || !isChange(operation) || operation.revision === null) continue;
    const { revision } = operation;
    revisions += 1;
    const use = uses.get(revision);
    if (use === undefined) {
      uses.set(revision, { operation, change: changeOf(operation) });
      continue;
    }
    const reason = `process ${use.operation.process} was told the same one for ${use.change}`;
    findings.push({ kind: "used twice", revision, operation, reason });
  }
  for (const get of ordered) {
    if (get.op !== "get" || get.value === null || get.modRevision === null) continue;
    const change = changeOf(get);
    const use = uses.get(get.modRevision);
    if (use === undefined) uses.set(get.modRevision, { operation: get, change });
    else if (use.change !== change)
      findings.push({
        kind: "used twice",
        revision: get.modRevision,
        operation: get,
        reason: `it shows ${change}, but process ${use.operation.process} was told it for ${use.change}`,
      });
  }
  return revisions;
}

/** Whether the operation certainly made a revision of its own: a delete that found nothing tells the current one. */
function isChange(operation: Put | Delete): boolean {
  return operation.op === "put" || operation.deleted === true;
}

function changeOf(operation: Put | Delete | Get): string {
  const key = JSON.stringify(operation.key);
  return operation.op === "delete"
    ? `the delete of ${key}`
    : `a put of ${JSON.stringify(operation.value)} to ${key}`;
}

function checkRealTime(ordered: readonly KvOperation[], findings: RevisionFinding[]): void {
  const byEnd = [...ordered].sort((a, b) => (a.return ?? 0) - (b.return ?? 0));
  let ended = 0;
  let highest: { revision: number; operation: KvOperation } | null = null;
  for (const operation of ordered) {
    for (; ended < byEnd.length; ended += 1) {
      const earlier = byEnd[ended] as KvOperation;
      if ((earlier.return ?? 0) >= operation.call) break;
      const revision = toldBy(earlier);
      if (revision !== null && (highest === null || revision > highest.revision))
        highest = { revision, operation: earlier };
    }
    if (operation.op === "get" || operation.revision === null || highest === null) continue;
    const { revision } = operation;
    if (isChange(operation) ? revision > highest.revision : revision >= highest.revision) continue;
    const reason = `process ${highest.operation.process} had been told ${highest.revision} before this was called`;
    findings.push({ kind: "goes back", revision, operation, reason });
  }
}

/** The largest revision that this answer proves to have been made. */
function toldBy(operation: KvOperation): number | null {
  return operation.op === "get" ? operation.modRevision : operation.revision;
}
