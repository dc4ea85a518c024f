import { endOf, inCallOrder } from "./history.js";
import type { Change, ChangeTogether, Delete, Put, Watch, WatchMessage, WatchOperation } from "./history.js";
import { summarizeChange } from "./summarize.js";
import { validateHistory } from "./validate.js";

export interface WatchFinding {
  /**
   * - `missing`: a change that was made is not in a stream that went past it. `unexpected`: one that nobody made, or otherwise.
   * - `out of order`, `repeated`, `torn` (a transaction in two messages), `below progress`: of the messages of one stream.
   * - `gap`: a watch went on behind where it had ended. `disagree`: two streams tell a revision differently.
   * - `from the future`: told before it was asked for.
   */
  readonly kind:
    | "missing"
    | "unexpected"
    | "out of order"
    | "repeated"
    | "torn"
    | "below progress"
    | "not asked for"
    | "gap"
    | "disagree"
    | "from the future";
  readonly watch: Watch;
  readonly revision: number;
  readonly reason: string;
}

export interface WatchResult {
  readonly ok: boolean;
  readonly findings: readonly WatchFinding[];
  readonly streams: number;
  /** Messages with changes. A history without one proves nothing, and is not `ok`. */
  readonly messages: number;
  readonly progressMarks: number;
}

type Event = Extract<WatchMessage, { revision: number }>;
type Mutation = Put | Delete | ChangeTogether;

/**
 * Watches (F6): the messages of a stream are ordered by revision; none is missing, none comes twice; the changes of a transaction come in
 * one message; a watch goes on where it ended; after a progress mark nothing at or below it follows; and all that is told was
 * done, with these values. The changes are known from their answers, and from what other streams told.
 * @throws {HistoryError} the history is malformed or has other operations than `put`, `delete`, `change` and `watch`.
 */
export function checkWatches(history: readonly WatchOperation[]): WatchResult {
  validateHistory(history, ["put", "delete", "change", "watch"]);
  const ordered = inCallOrder(history);
  const mutations = ordered.filter((operation) => operation.op !== "watch");
  const watches = ordered.filter(
    (operation) => operation.op === "watch" && operation.outcome === "ok",
  ) as Watch[];
  const findings: WatchFinding[] = [];
  const known = new KnownChanges(mutations);
  for (const watch of watches) {
    checkStream(watch, findings);
    known.judgeTold(watch, findings);
  }
  // What a stream tells is known from then on: so streams are held against each other, too.
  for (const watch of watches) known.judgeComplete(watch, findings);
  checkResumes(watches, findings);
  const messages = watches.flatMap(({ received }) => received ?? []);
  const events = messages.filter((message) => "revision" in message).length;
  return {
    ok: findings.length === 0 && events > 0,
    findings,
    streams: watches.length,
    messages: events,
    progressMarks: messages.length - events,
  };
}

function checkStream(watch: Watch, findings: WatchFinding[]): void {
  let last = 0;
  let progress = 0;
  const seen = new Map<number, Event>();
  const find = (kind: WatchFinding["kind"], revision: number, reason: string): void => {
    findings.push({ kind, watch, revision, reason });
  };
  for (const message of watch.received ?? []) {
    if ("progress" in message) {
      progress = Math.max(progress, message.progress);
      continue;
    }
    const { changes, revision } = message;
    const before = seen.get(revision);
    if (before !== undefined) {
      const isTorn = !changes.some(([key]) => before.changes.some(([other]) => other === key));
      if (isTorn) find("torn", revision, "its changes come in two messages");
      else find("repeated", revision, "it comes twice");
    } else if (revision < last) find("out of order", revision, `it comes after ${last}`);
    else if (revision <= progress)
      find("below progress", revision, `a progress mark had promised ${progress}`);
    if (revision < watch.from) find("not asked for", revision, `the watch begins at ${watch.from}`);
    const outside = changes.find(([key]) => !isWatched(watch, key));
    if (outside !== undefined) find("not asked for", revision, `${outside[0]} is not watched`);
    seen.set(revision, message);
    last = Math.max(last, revision);
  }
}

function isWatched({ end, start }: Watch, key: string): boolean {
  return key >= start && (end === null || key < end);
}

/** The last revision that a stream has certainly told everything of; below `from` when it told nothing. */
function reachedBy({ from, received }: Watch): number {
  let reached = from - 1;
  for (const message of received ?? [])
    reached = Math.max(reached, "progress" in message ? message.progress : message.revision);
  return reached;
}

function checkResumes(watches: readonly Watch[], findings: WatchFinding[]): void {
  const last = new Map<string, Watch>();
  for (const watch of watches) {
    const before = last.get(watch.watcher);
    last.set(watch.watcher, watch);
    if (before === undefined) continue;
    const reached = reachedBy(before);
    if (watch.from <= reached + 1) continue;
    const reason = `${watch.watcher} had ended at ${reached}, and went on from ${watch.from}`;
    findings.push({ kind: "gap", watch, revision: reached + 1, reason });
  }
}

/** What is known to have been changed at a revision. */
interface Known {
  readonly change: Change;
  /** In words: who says so. */
  readonly source: string;
}

class KnownChanges {
  /** By revision, and by key below that. */
  readonly #byRevision = new Map<number, Map<string, Known>>();
  /** Changes that may have been made without an answer that tells their revision, by key and value. */
  readonly #possible = new Map<string, Mutation[]>();

  constructor(mutations: readonly (Mutation | Watch)[]) {
    for (const operation of mutations) {
      if (operation.op === "watch" || operation.outcome === "fail") continue;
      const isTold = operation.outcome === "ok" && operation.revision !== null;
      // A delete that found nothing changes nothing, and tells the revision of somebody else's change.
      if (operation.op === "delete" && operation.outcome === "ok" && operation.deleted === false) continue;
      const isCertain = isTold && (operation.op !== "delete" || operation.deleted === true);
      for (const change of changesOf(operation)) {
        const source = `process ${operation.process} was told so (call ${operation.call})`;
        if (isCertain) this.#learn(operation.revision, change, source);
        const name = JSON.stringify(change);
        const list = this.#possible.get(name);
        if (list === undefined) this.#possible.set(name, [operation]);
        else list.push(operation);
      }
    }
  }

  /** Whether everything that the stream told was done, as it told it; and learns from it. */
  judgeTold(watch: Watch, findings: WatchFinding[]): void {
    const find = (kind: WatchFinding["kind"], revision: number, reason: string): void => {
      findings.push({ kind, watch, revision, reason });
    };
    for (const message of watch.received ?? []) {
      if ("progress" in message) continue;
      for (const change of message.changes) {
        const { revision } = message;
        const known = this.#byRevision.get(revision)?.get(change[0]);
        const told = summarizeChange(change);
        if (known !== undefined) {
          if (known.change[1] !== change[1])
            find(
              "disagree",
              revision,
              `it tells ${told}, but ${summarizeChange(known.change)}: ${known.source}`,
            );
          continue;
        }
        const makers = (this.#possible.get(JSON.stringify(change)) ?? []).filter(
          (maker) => maker.outcome === "unknown" || maker.revision === null || maker.revision === revision,
        );
        const [first] = makers;
        if (first === undefined)
          find("unexpected", revision, `it tells ${told}, which nobody did at this revision`);
        else if (makers.every(({ call }) => call > endOf(watch)))
          find("from the future", revision, `it tells ${told}, which was asked for at ${first.call} only`);
        this.#learn(revision, change, `the watch ${watch.watcher} told so (call ${watch.call})`);
      }
    }
  }

  /** Whether the stream told all that is known of the revisions that it went through. */
  judgeComplete(watch: Watch, findings: WatchFinding[]): void {
    const told = new Map<number, Set<string>>();
    for (const message of watch.received ?? []) {
      if ("progress" in message) continue;
      const keys = told.get(message.revision) ?? new Set();
      told.set(message.revision, keys);
      for (const [key] of message.changes) keys.add(key);
    }
    const reached = reachedBy(watch);
    for (const [revision, changes] of this.#byRevision) {
      if (revision < watch.from || revision > reached) continue;
      for (const [key, { change, source }] of changes) {
        if (!isWatched(watch, key) || told.get(revision)?.has(key) === true) continue;
        const reason = `${summarizeChange(change)}: ${source}; the stream reached ${reached}`;
        findings.push({ kind: "missing", watch, revision, reason });
      }
    }
  }

  #learn(revision: number, change: Change, source: string): void {
    const changes = this.#byRevision.get(revision) ?? new Map<string, Known>();
    this.#byRevision.set(revision, changes);
    if (!changes.has(change[0])) changes.set(change[0], { change, source });
  }
}

function changesOf(operation: Mutation): readonly Change[] {
  if (operation.op === "change") return operation.changes;
  return [[operation.key, operation.op === "put" ? operation.value : null]];
}
