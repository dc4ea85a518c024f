import type { Message, RaftStatus } from "../../../dist/core/index.js";
import { check } from "../failure.js";
import type { ElectionChecks } from "./elections.js";
import type { Observed } from "./observed.js";

/** No message promises what this server's disk does not hold (R1, R15). Only the disk is asked, never the core. */
export class PromiseChecks {
  readonly #elections: ElectionChecks;
  /** Looks a server up by its id. */
  readonly #find: (id: Message["to"]) => Observed | null;

  constructor(elections: ElectionChecks, find: (id: Message["to"]) => Observed | null) {
    this.#elections = elections;
    this.#find = find;
  }

  leaves(server: Observed, message: Message): void {
    switch (message.kind) {
      case "preVoteRequest":
        return;
      case "preVoteResponse":
        // A grant echoes the asked term, which is at least one above the voter's own (R2).
        this.#hasTerm(server, message, message.granted ? message.term - 1 : message.term);
        return;
      case "voteRequest":
        this.#hasTerm(server, message, message.term);
        this.#hasVote(server, message, server.id);
        return;
      case "voteResponse":
        this.#hasTerm(server, message, message.term);
        if (message.granted) this.#hasVote(server, message, message.to);
        return;
      case "appendResponse":
        this.#hasTerm(server, message, message.term);
        if (message.success) this.#hasEntries(server, message);
        return;
      default:
        this.#hasTerm(server, message, message.term);
    }
  }

  #hasTerm(server: Observed, message: Message, term: number): void {
    const { currentTerm } = server.durable.hardState;
    // A pre-vote is granted by servers of any lower term: only their own term has to be on disk.
    if (message.kind === "preVoteResponse" && message.granted) {
      const own = server.status?.currentTerm ?? currentTerm;
      check(currentTerm >= Math.min(own, term), "a pre-vote is answered with the own term on disk (R1)", () =>
        describe(server, message),
      );
      return;
    }
    check(currentTerm >= term, "a term is on disk before a message names it (R1)", () => describe(server, message));
  }

  #hasVote(server: Observed, message: Message, candidate: Message["to"]): void {
    const { currentTerm, votedFor } = server.durable.hardState;
    check(
      currentTerm > message.term || votedFor === candidate,
      "a vote is on disk before a message promises it (R1)",
      () => describe(server, message),
    );
  }

  #hasEntries(server: Observed, message: Extract<Message, { kind: "appendResponse" }>): void {
    const { hardState, entries } = server.durable;
    // In a later term the entries may have been overwritten, and the leader of this one cannot count them any more.
    if (hardState.currentTerm > message.term) return;
    check(
      entries.lastIndex >= message.matchIndex,
      "entries are on disk before they are acknowledged (R1)",
      () => describe(server, message),
    );
    const leader = this.#find(message.to);
    if (leader === null || !isLeading(leader.status, message.term)) return;
    if (this.#elections.leaderOf(message.term) !== message.to) return;
    const chain = leader.memory.chainAt(message.matchIndex);
    check(
      message.matchIndex <= leader.memory.baseIndex || (chain !== null && entries.holds(message.matchIndex, chain)),
      "what is acknowledged is what the leader sent, and it is on disk (R1, R15)",
      () => describe(server, message),
    );
  }
}

function isLeading(status: RaftStatus | null, term: number): boolean {
  return status !== null && status.role === "leader" && status.currentTerm === term;
}

export function describe(server: Observed, message: Message): string {
  const { hardState, entries } = server.durable;
  return (
    `${server.id} sends ${JSON.stringify(message)}, its disk has term ${hardState.currentTerm}, ` +
    `vote ${hardState.votedFor}, entries up to ${entries.lastIndex}`
  );
}
