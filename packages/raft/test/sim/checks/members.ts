import type {
  Configuration,
  LogBase,
  Message,
  RaftEvent,
  RaftStatus,
  ServerId,
} from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import type { CommittedChecks } from "./committed.js";
import type { Observed } from "./observed.js";

/** Members, transfers, snapshots and witnesses (R20 to R24). */
export class MemberChecks {
  readonly #find: (id: ServerId) => Observed | null;
  readonly #electionTimeoutTicks: number;
  readonly #promotionLagEntriesMax: number;
  readonly #committed: CommittedChecks;
  /** Ticks of a leader's transfer so far. */
  readonly #transferTicks = new Map<number, number>();

  constructor(
    find: (id: ServerId) => Observed | null,
    committed: CommittedChecks,
    limits: { readonly electionTimeoutTicks: number; readonly promotionLagEntriesMax: number },
  ) {
    this.#find = find;
    this.#committed = committed;
    this.#electionTimeoutTicks = limits.electionTimeoutTicks;
    this.#promotionLagEntriesMax = limits.promotionLagEntriesMax;
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    this.#transfers(server, event, before, after);
    this.#keepsMatching(server, event, before, after);
    if (event.kind === "changeMembership" || event.kind === "changeLease")
      this.#startsChange(server, before, after);
    if (event.kind === "changeMembership") this.#promotes(server, before, after);
    if (event.kind === "propose" && after.lastIndex > before.lastIndex) {
      check(
        before.transfer === null,
        "nothing is proposed while leadership is being handed over (R20)",
        () => `${server.id} hands over to ${before.transfer?.to}`,
      );
      check(!server.isWitness, "a witness takes no proposals (R24)", () => server.id);
    }
    if (event.kind === "receive" && event.message.kind === "timeoutNow") {
      const { lastLogIndex, term } = event.message;
      if (term < before.currentTerm || (term === before.currentTerm && lastLogIndex !== before.lastIndex)) {
        check(
          after.currentTerm === before.currentTerm && after.role === before.role,
          "a stale TimeoutNow is ignored (R20)",
          () => `${server.id} campaigns for it`,
        );
      }
    }
  }

  /** What the core takes for the members is what the log says, as the shell holds it. */
  turnEnded(server: Observed, status: RaftStatus): void {
    check(
      status.configurationIndex === server.memory.configurationIndex,
      "the configuration in force is the latest one in the log (R21)",
      () =>
        `${server.id} goes by ${status.configurationIndex}, the log has ${server.memory.configurationIndex}`,
    );
  }

  /** What a leader tells witnesses, and what they then do, goes by what data members have for sure (R24). */
  leaves(server: Observed, message: Message): void {
    if (message.kind === "heartbeatRequest" && message.dataDurableIndex > 0) {
      this.compactable(server, message.dataDurableIndex);
    }
  }

  compactable(server: Observed, index: number): void {
    if (index > this.#committed.lastIndex) return;
    const { configuration } = this.#committed;
    const chain = this.#committed.chainAt(index);
    // Learners get what they lack from a data member; a voter may be left with witnesses alone.
    for (const id of configuration.voters) {
      const other = this.#find(id);
      if (other === null || other.isWitness) continue;
      check(
        chain !== null && other.durable.entries.holds(index, chain),
        "a witness may compact only what every data member has on disk (R24)",
        () => `${server.id} says ${index}, ${id} has ${other.durable.entries.lastIndex}`,
      );
    }
  }

  /** Whoever gets a vote may have to be brought up to date by a witness alone, from what that has not compacted. */
  #mayNeedWitness(id: ServerId, { witnesses }: Configuration): void {
    const voter = this.#find(id);
    if (voter === null || voter.isWitness) return;
    for (const name of witnesses) {
      const told = this.#find(name)?.status?.dataDurableIndex ?? 0;
      if (told === 0 || told > this.#committed.lastIndex) continue;
      const chain = this.#committed.chainAt(told);
      check(
        chain !== null && voter.durable.entries.holds(told, chain),
        "what a voter with data lacks is with the witnesses (R24)",
        () => `${name} may compact up to ${told}, ${id} has ${voter.durable.entries.lastIndex}`,
      );
    }
  }

  expected(server: Observed, from: ServerId, term: number): void {
    const { status } = server;
    check(
      status !== null && status.currentTerm === term && status.incomingSnapshot?.from === from,
      "chunks of another leader or term are refused (R23)",
      () => `${server.id} takes chunks of ${from} from term ${term} in`,
    );
  }

  /** A log that holds what a snapshot covers keeps what it has behind that (R23). */
  #keepsMatching(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    let index: number;
    if (event.kind === "snapshotReceived") ({ index } = event.base);
    else if (event.kind === "receive" && event.message.kind === "installSnapshot")
      ({ index } = event.message.base);
    else return;
    const { memory } = server;
    // What came earlier in the same turn is not in memory yet.
    if (memory.lastIndex !== before.lastIndex || index > before.lastIndex) return;
    const chain = this.#committed.chainAt(index);
    if (chain === null || !memory.holds(index, chain)) return;
    check(
      after.lastIndex === before.lastIndex,
      "a snapshot that the log agrees with moves only the commit index (R23)",
      () => `${server.id} drops ${before.lastIndex} to ${after.lastIndex} for a snapshot of ${index}`,
    );
  }

  #startsChange(server: Observed, before: RaftStatus, after: RaftStatus): void {
    if (after.configurationIndex <= before.configurationIndex) return;
    check(
      server.core?.termAt(before.commitIndex) === before.currentTerm,
      "a change starts only once an entry of the leader's term is committed (R21)",
      () => `${server.id} changes members in term ${before.currentTerm}`,
    );
  }

  /** What the core names as the base at an index is what the log says of it. */
  named(server: Observed, base: LogBase): void {
    const inLog = server.memory.configurationBelow(base.index);
    check(
      JSON.stringify(inLog) === JSON.stringify(base.configuration),
      "a snapshot carries the configuration of its own index (R23)",
      () => `${server.id} names ${JSON.stringify(base)}, the log has ${JSON.stringify(inLog)}`,
    );
  }

  #transfers(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    const was = before.transfer;
    const is = after.transfer;
    // A witness that gave one up may begin the next, to the same target, at once.
    if (was === null || is === null || was.to !== is.to || is.elapsedTicks < was.elapsedTicks) {
      this.#transferTicks.delete(server.number);
      return;
    }
    if (event.kind !== "tick") return;
    const ticks = (this.#transferTicks.get(server.number) ?? 0) + 1;
    this.#transferTicks.set(server.number, ticks);
    check(
      ticks <= this.#electionTimeoutTicks,
      "a transfer expires after an election timeout (R20)",
      () => `${server.id} still hands over to ${is.to} after ${ticks} ticks`,
    );
  }

  #promotes(server: Observed, before: RaftStatus, after: RaftStatus): void {
    for (const id of after.configuration.voters) {
      if (before.configuration.voters.includes(id)) continue;
      const known = before.progress.find((progress) => progress.id === id);
      check(
        known?.state === "replicate" && before.lastIndex - known.matchIndex <= this.#promotionLagEntriesMax,
        "a learner is promoted only when it is nearly caught up (R22)",
        () => `${server.id} promotes ${id}, which has ${known?.matchIndex ?? 0} of ${before.lastIndex}`,
      );
      this.#mayNeedWitness(id, after.configuration);
    }
    const all = [
      ...after.configuration.voters,
      ...after.configuration.learners,
      ...after.configuration.outgoing,
    ];
    for (const id of all) {
      const peer = this.#find(id);
      if (peer === null) continue;
      check(
        after.configuration.witnesses.includes(id) === peer.isWitness,
        "a change of the members keeps what kind a member is (R22)",
        () => id,
      );
    }
  }
}
