import type { Message, RaftEvent, RaftStatus, ServerId } from "../../../dist/core/index.js";
import type { Command, EntryLog } from "../entry.js";
import { check } from "../failure.js";
import type { Marks } from "../marks.js";
import type { Observed } from "./observed.js";

/** Turns in which a heartbeat is answered before a base must have been sent again. */
const TURNS_UNTIL_REPEATED = 5;

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

  /** By leader and witness: turns with an answered heartbeat since it was last sent the base. */
  readonly #waiting = new Map<string, { readonly turns: number; readonly clockMicros: number }>();

  leaves(server: Observed, message: Message): void {
    if (message.kind === "installSnapshot")
      this.#waiting.delete(`${server.id} ${message.to} ${message.term}`);
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    if (event.kind !== "receive") return;
    if (event.message.kind === "heartbeatResponse" && event.message.term === before.currentTerm) {
      this.#repeatsBase(server, event.message.from, before);
    }
    if (event.message.kind !== "appendResponse") return;
    const { message } = event;
    if (before.role !== "leader" || after.role !== "leader" || message.term !== after.currentTerm) return;
    const follower = this.#find(message.from);
    const was = before.progress.find(({ id }) => id === message.from);
    const is = after.progress.find(({ id }) => id === message.from);
    if (follower === null || was === undefined || is === undefined) return;
    if (message.success && was.state === "snapshot" && message.matchIndex >= was.snapshotIndex) {
      check(
        is.state !== "snapshot",
        "an acknowledgement that reaches the snapshot ends its state (R23)",
        () => `${server.id} still sends ${message.from} a snapshot of ${is.snapshotIndex}`,
      );
    }
    const key = `${server.id} ${after.currentTerm} ${message.from} ${follower.bootEpoch}`;
    if (message.success || was.state !== "probe" || is.nextIndex >= was.nextIndex) {
      if (message.success) this.#refusals.delete(key);
      else if (message.prevLogIndex <= was.matchIndex) this.#marks.hit("refusalStale");
      return;
    }
    const next = server.core?.termAt((is.nextIndex - 1) as never) ?? 0;
    check(
      next <= message.hintTerm || is.nextIndex === is.matchIndex + 1,
      "a leader skips every term that a refusal's hint rules out (R13)",
      () => `${server.id} probes ${message.from} at term ${next} after the hint ${message.hintTerm}`,
    );
    const moved = was.nextIndex - is.nextIndex;
    if (moved > 1) this.#marks.hit("hintSkips");
    const refusals = (this.#refusals.get(key) ?? 0) + 1;
    this.#refusals.set(key, refusals);
    const agreed = agreedIndex(server.memory, follower.memory);
    const limit = 2 + termsAbove(server.memory, agreed) + termsAbove(follower.memory, agreed);
    check(
      refusals <= limit,
      "a refusal's hint skips a whole term (R13)",
      () => `${server.id} probed ${message.from} ${refusals} times, their logs differ in ${limit - 2} terms`,
    );
  }

  /** The base alone travels in one message, and nobody reports its loss (R24). */
  #repeatsBase(server: Observed, peer: ServerId, before: RaftStatus): void {
    if (this.#find(peer)?.isWitness !== true) return;
    if (before.progress.find(({ id }) => id === peer)?.state !== "snapshot") return;
    const key = `${server.id} ${peer} ${before.currentTerm}`;
    const { clockMicros } = server;
    const waiting = this.#waiting.get(key) ?? { turns: 0, clockMicros: 0 };
    // All that is stepped in one turn is stepped at one time.
    if (waiting.clockMicros === clockMicros) return;
    const turns = waiting.turns + 1;
    this.#waiting.set(key, { turns, clockMicros });
    check(
      turns <= TURNS_UNTIL_REPEATED,
      "the base that a witness lost on the way is sent again (R24)",
      () => `${server.id} has not sent it to ${peer} in ${turns} turns with an answered heartbeat`,
    );
  }
}

/** The last place at which two logs are the same. */
function agreedIndex(left: EntryLog, right: EntryLog): number {
  const base = Math.max(left.baseIndex, right.baseIndex);
  let index = Math.min(left.lastIndex, right.lastIndex);
  while (index > base && left.chainAt(index) !== right.chainAt(index)) index -= 1;
  return index;
}

function termsAbove(log: EntryLog, index: number): number {
  let count = 0;
  let last = -1;
  for (let at = Math.max(log.baseIndex, index) + 1; at <= log.lastIndex; at += 1) {
    const term = log.at(at)?.term ?? last;
    if (term !== last) count += 1;
    last = term;
  }
  return count;
}
