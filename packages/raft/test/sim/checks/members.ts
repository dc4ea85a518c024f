import type { Configuration, RaftEvent, RaftStatus, ServerId } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import type { Observed } from "./observed.js";

/** Members, transfers, snapshots and witnesses (R20 to R24). */
export class MemberChecks {
  readonly #find: (id: ServerId) => Observed | null;
  readonly #electionTimeoutTicks: number;
  readonly #promotionLagEntriesMax: number;
  readonly #chainAt: (index: number) => number | null;
  /** Ticks of a leader's transfer so far. */
  readonly #transferTicks = new Map<number, number>();
  /** Servers that were voters from the beginning: nobody may ever have to ask a witness for what they lack. */
  #founders: readonly ServerId[] = [];

  constructor(
    find: (id: ServerId) => Observed | null,
    chainAt: (index: number) => number | null,
    limits: { readonly electionTimeoutTicks: number; readonly promotionLagEntriesMax: number },
  ) {
    this.#find = find;
    this.#chainAt = chainAt;
    this.#electionTimeoutTicks = limits.electionTimeoutTicks;
    this.#promotionLagEntriesMax = limits.promotionLagEntriesMax;
  }

  begins(configuration: Configuration): void {
    this.#founders = configuration.voters.filter((id) => !configuration.witnesses.includes(id));
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    this.#transfers(server, event, before, after);
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

  compactable(server: Observed, index: number): void {
    const { configuration } = server.memory;
    const chain = this.#chainAt(index);
    for (const id of this.#founders) {
      if (!configuration.voters.includes(id)) continue;
      const other = this.#find(id);
      if (other === null || other.isWitness) continue;
      check(
        chain !== null && other.durable.entries.holds(index, chain),
        "a witness compacts only what every data member has on disk (R24)",
        () => `${server.id} may compact ${index}, ${id} has ${other.durable.entries.lastIndex}`,
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
        known !== undefined && before.lastIndex - known.matchIndex <= this.#promotionLagEntriesMax,
        "a learner is promoted only when it is nearly caught up (R22)",
        () => `${server.id} promotes ${id}, which has ${known?.matchIndex ?? 0} of ${before.lastIndex}`,
      );
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
