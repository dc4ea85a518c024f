import { splitByKey } from "./history.js";
import type { AppenderOperation, ReadLog, Submit } from "./history.js";
import { validateHistory } from "./validate.js";

export interface AppenderFinding {
  readonly kind: "lost" | "repeated" | "out of order" | "gap" | "unexpected" | "answered out of order";
  readonly key: string;
  readonly appender: string;
  readonly sequence: number;
  readonly operation: AppenderOperation;
  readonly reason: string;
}

export interface AppenderResult {
  readonly ok: boolean;
  readonly findings: readonly AppenderFinding[];
  readonly submitted: number;
  /** Reads of a log with an answer. A history without one proves nothing, and is not `ok`. */
  readonly reads: number;
}

/**
 * Appenders submit without waiting for answers, and still: in every read of the log the elements of each appender stand in the
 * order of their numbers, each once, without a gap behind which a later one stands; what was acknowledged before the read, or read
 * before, is there; nothing is there that was not submitted, or failed. Answers come in the order of the numbers (C3).
 * @throws {HistoryError} the history is malformed or has other operations than `submit` and `log`.
 */
export function checkAppenders(history: readonly AppenderOperation[]): AppenderResult {
  validateHistory(history, ["submit", "log"]);
  const findings: AppenderFinding[] = [];
  let submitted = 0;
  let reads = 0;
  for (const [key, operations] of splitByKey(history)) {
    const appenders = new Map<string, Submit[]>();
    const logs: ReadLog[] = [];
    for (const operation of operations) {
      if (operation.op === "log") {
        if (operation.outcome === "ok") logs.push(operation);
        continue;
      }
      submitted += 1;
      const own = appenders.get(operation.appender) ?? [];
      appenders.set(operation.appender, own);
      own.push(operation);
    }
    reads += logs.length;
    for (const [appender, submits] of appenders) checkAnswers(key, appender, submits, findings);
    const certain = new CertainElements(appenders, logs);
    for (const log of logs) judgeLog({ key, log, appenders, certain, findings });
  }
  return { ok: findings.length === 0 && reads > 0, findings, submitted, reads };
}

/** Answers that a callback has seen in another order than that of the numbers. */
function checkAnswers(
  key: string,
  appender: string,
  submits: readonly Submit[],
  findings: AppenderFinding[],
): void {
  const answered = submits.filter(({ outcome }) => outcome === "ok");
  answered.sort((a, b) => (a.return ?? 0) - (b.return ?? 0));
  let highest = 0;
  for (const operation of answered) {
    const { sequence } = operation;
    const reason = `its answer came after that of ${highest}`;
    if (sequence < highest)
      findings.push({ kind: "answered out of order", key, appender, sequence, operation, reason });
    highest = Math.max(highest, sequence);
  }
}

const nameOf = (appender: string, sequence: number): string => `${appender}:${sequence}`;

/** From when on each element must be in the log. */
class CertainElements {
  readonly #from = new Map<string, { at: number; why: string; appender: string; sequence: number }>();

  constructor(appenders: ReadonlyMap<string, readonly Submit[]>, logs: readonly ReadLog[]) {
    for (const [appender, submits] of appenders)
      for (const { outcome, return: end, sequence } of submits)
        if (outcome === "ok" && end !== null)
          this.#note(appender, sequence, end, `it was acknowledged at ${end}`);
    for (const { entries, return: end } of logs)
      for (const [appender, sequence] of entries ?? [])
        if (end !== null) this.#note(appender, sequence, end, `it had been read at ${end}`);
  }

  /** What must be in a read that was called at `call`, and is not in `present`. */
  *missing(
    call: number,
    present: ReadonlySet<string>,
  ): Generator<{ appender: string; sequence: number; why: string }> {
    for (const [name, element] of this.#from) if (element.at < call && !present.has(name)) yield element;
  }

  #note(appender: string, sequence: number, at: number, why: string): void {
    const name = nameOf(appender, sequence);
    const known = this.#from.get(name);
    if (known === undefined || at < known.at) this.#from.set(name, { at, why, appender, sequence });
  }
}

interface Judging {
  readonly key: string;
  readonly log: ReadLog;
  readonly appenders: ReadonlyMap<string, readonly Submit[]>;
  readonly certain: CertainElements;
  readonly findings: AppenderFinding[];
}

function judgeLog({ appenders, certain, findings, key, log }: Judging): void {
  const present = new Set<string>();
  const latest = new Map<string, number>();
  const find = (kind: AppenderFinding["kind"], appender: string, sequence: number, reason: string): void => {
    findings.push({ kind, key, appender, sequence, operation: log, reason });
  };
  for (const [appender, sequence] of log.entries ?? []) {
    const name = nameOf(appender, sequence);
    const before = latest.get(appender) ?? 0;
    if (present.has(name)) {
      find("repeated", appender, sequence, "it is there twice");
      continue;
    }
    present.add(name);
    const submit = appenders.get(appender)?.find((one) => one.sequence === sequence);
    if (submit === undefined) find("unexpected", appender, sequence, "nobody submitted it");
    else if (submit.outcome === "fail") find("unexpected", appender, sequence, "it failed");
    else if (submit.call > (log.return ?? 0))
      find("unexpected", appender, sequence, `it was submitted at ${submit.call} only`);
    if (sequence < before) find("out of order", appender, sequence, `it stands behind ${before}`);
    latest.set(appender, Math.max(before, sequence));
  }
  const told = new Set<string>();
  for (const { appender, sequence, why } of certain.missing(log.call, present)) {
    find("lost", appender, sequence, why);
    told.add(nameOf(appender, sequence));
  }
  for (const [appender, highest] of latest) {
    for (const { outcome, sequence } of appenders.get(appender) ?? []) {
      const name = nameOf(appender, sequence);
      if (sequence >= highest || outcome === "fail" || present.has(name) || told.has(name)) continue;
      find("gap", appender, sequence, `it is missing, though ${highest} is there`);
    }
  }
}
