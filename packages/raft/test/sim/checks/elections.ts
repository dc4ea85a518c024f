import type { Message, RaftStatus, Ready, ServerId } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check, SimulationFailure } from "../failure.js";
import type { CommittedChecks } from "./committed.js";
import type { Observed } from "./observed.js";

/** One leader a term, one vote a term (also over restarts), and every leader has all that was committed before. */
export class ElectionChecks {
  readonly #committed: CommittedChecks;
  readonly #leaders = new Map<number, ServerId>();
  /** By server and term: whom it promised its vote, as the others were told. */
  readonly #votes = new Map<string, ServerId>();
  /** Terms in which a server began to lead during its running turn. */
  #electedIn: number[] = [];
  #ledInTurn = false;
  #lastTerm = 0;

  constructor(committed: CommittedChecks) {
    this.#committed = committed;
  }

  /** The latest term in which anybody was elected. */
  get lastTerm(): number {
    return this.#lastTerm;
  }

  leaderOf(term: number): ServerId | null {
    return this.#leaders.get(term) ?? null;
  }

  turnBegins(status: RaftStatus): void {
    this.#electedIn = [];
    this.#ledInTurn = status.role === "leader";
  }

  /** Returns whether an election was won. */
  stepped(server: Observed, before: RaftStatus, after: RaftStatus): boolean {
    if (after.role !== "leader") return false;
    if (before.role === "leader" && before.currentTerm === after.currentTerm) return false;
    this.#ledInTurn = true;
    const { currentTerm } = after;
    const other = this.#leaders.get(currentTerm);
    check(
      other === undefined || other === server.id,
      "one leader a term (election safety, §3.4)",
      () => `${server.id} and ${other} lead in term ${currentTerm}`,
    );
    this.#leaders.set(currentTerm, server.id);
    this.#lastTerm = Math.max(this.#lastTerm, currentTerm);
    this.#electedIn.push(currentTerm);
    return true;
  }

  /** Entries of the turn stand in memory by now. */
  turnEnded(server: Observed): void {
    const { status } = server;
    for (const term of this.#electedIn) {
      if (status?.role !== "leader" || status.currentTerm !== term) continue;
      const index = this.#committed.lastBefore(term);
      const chain = this.#committed.chainAt(index);
      check(
        chain !== null && server.memory.holds(index, chain),
        "a leader has every entry that was committed in an earlier term (leader completeness, §3.6.3)",
        () => `${server.id} leads in term ${term} without the committed entry ${index}`,
      );
    }
  }

  leaves(server: Observed, message: Message): void {
    if (message.kind === "voteRequest") this.#promisesVote(server, message.term, server.id);
    else if (message.kind === "voteResponse" && message.granted) {
      this.#promisesVote(server, message.term, message.to);
    }
  }

  readied(server: Observed, ready: Ready<Command>): void {
    for (const message of ready.sendNow) {
      if (!isLeaders(message)) continue;
      check(
        this.#leaders.get(message.term) === server.id && this.#ledInTurn,
        "only a leader speaks as one, and no longer than it leads (R7)",
        () => `${server.id} sends a ${message.kind} of term ${message.term}`,
      );
    }
  }

  #promisesVote(server: Observed, term: number, candidate: ServerId): void {
    const key = `${server.id} ${term}`;
    const earlier = this.#votes.get(key);
    if (earlier !== undefined && earlier !== candidate) {
      throw new SimulationFailure(
        "one vote a term, also over a restart (R1, R5)",
        `${server.id} promised ${earlier} and ${candidate} its vote of term ${term}`,
      );
    }
    this.#votes.set(key, candidate);
  }
}

function isLeaders({ kind }: Message): boolean {
  return (
    kind === "appendRequest" ||
    kind === "heartbeatRequest" ||
    kind === "commitNotice" ||
    kind === "installSnapshot" ||
    kind === "timeoutNow"
  );
}
