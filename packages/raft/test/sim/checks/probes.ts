import type { RaftEvent, RaftStatus, ServerId } from "../../../dist/core/index.js";
import type { Command, EntryLog } from "../entry.js";
import { check } from "../failure.js";
import type { Marks } from "../marks.js";
import type { Observed } from "./observed.js";

/** A leader finds out where a follower's log agrees with one probe a term, not one an entry (R13). */
export class ProbeChecks {
  /** By leader, follower and the follower's life: refusals that moved the probe, since the last success. */
  readonly #refusals = new Map<string, number>();
  readonly #find: (id: ServerId) => Observed | null;
  readonly #marks: Marks;

  constructor(find: (id: ServerId) => Observed | null, marks: Marks) {
    this.#find = find;
    this.#marks = marks;
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    if (event.kind !== "receive" || event.message.kind !== "appendResponse") return;
    const { message } = event;
    if (before.role !== "leader" || after.role !== "leader" || message.term !== after.currentTerm) return;
    const follower = this.#find(message.from);
    const was = before.progress.find(({ id }) => id === message.from);
    const is = after.progress.find(({ id }) => id === message.from);
    if (follower === null || was === undefined || is === undefined) return;
    const key = `${server.id} ${after.currentTerm} ${message.from} ${follower.bootEpoch}`;
    if (message.success || was.state !== "probe" || is.nextIndex >= was.nextIndex) {
      if (message.success) this.#refusals.delete(key);
      else if (message.prevLogIndex <= was.matchIndex) this.#marks.hit("refusalStale");
      return;
    }
    const moved = was.nextIndex - is.nextIndex;
    if (moved > 1) this.#marks.hit("hintSkips");
    const refusals = (this.#refusals.get(key) ?? 0) + 1;
    this.#refusals.set(key, refusals);
    const limit = 3 + terms(server.memory) + terms(follower.memory);
    check(
      refusals <= limit,
      "a refusal's hint skips a whole term (R13)",
      () => `${server.id} probed ${message.from} ${refusals} times, their logs have ${limit - 3} terms`,
    );
  }
}

function terms(log: EntryLog): number {
  let count = 0;
  let last = -1;
  for (let index = log.baseIndex + 1; index <= log.lastIndex; index += 1) {
    const term = log.at(index)?.term ?? last;
    if (term !== last) count += 1;
    last = term;
  }
  return count;
}
