import type { Message, RaftStatus, Ready } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import type { ElectionChecks } from "./elections.js";
import type { Observed } from "./observed.js";

/** No message promises what this server's disk does not hold (R1, R15). Only the disk is asked, never the core. */
export class PromiseChecks {
  readonly #elections: ElectionChecks;
  /** Looks a server up by its id. */
  readonly #find: (id: Message["to"]) => Observed | null;
  /** The term that a pre-vote's answer was given in; the answer itself does not say. */
  readonly #answeredIn = new WeakMap<Message, number>();
  #termBefore = 0;

  constructor(elections: ElectionChecks, find: (id: Message["to"]) => Observed | null) {
    this.#elections = elections;
    this.#find = find;
  }

  turnBegins(status: RaftStatus): void {
    this.#termBefore = status.currentTerm;
  }

  readied(ready: Ready<Command>): void {
    for (const message of ready.sendNow) this.#note(message);
    for (const message of ready.write?.thenSend ?? []) this.#note(message);
  }

  /** What the core takes for durable is on the disk: the completion of a write says so of that write alone (R15, R16). */
  turnEnded(server: Observed, status: RaftStatus): void {
    const { entries, hardState } = server.durable;
    const chain = server.memory.chainAt(status.durableIndex);
    check(
      status.durableIndex <= server.memory.baseIndex ||
        (chain !== null && entries.holds(status.durableIndex, chain)),
      "what counts as durable is on the disk (R15)",
      () =>
        `${server.id} takes ${status.durableIndex} for durable, its disk has other entries up to ${entries.lastIndex}`,
    );
    check(
      hardState.currentTerm > status.durableTerm ||
        (hardState.currentTerm === status.durableTerm &&
          (status.durableVote === null || status.durableVote === hardState.votedFor)),
      "the term and vote that count as durable are on the disk (R1, R16)",
      () =>
        `${server.id} takes term ${status.durableTerm} for durable, its disk has ${hardState.currentTerm}`,
    );
  }

  leaves(server: Observed, message: Message): void {
    switch (message.kind) {
      case "preVoteRequest":
      case "readIndexRequest":
        return;
      case "preVoteResponse":
        // A grant echoes the asked term, so it does not tell the voter's own (R2).
        this.#hasTerm(server, message, this.#answeredIn.get(message) ?? message.term);
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

  #note(message: Message): void {
    if (message.kind === "preVoteResponse") this.#answeredIn.set(message, this.#termBefore);
  }

  #hasTerm(server: Observed, message: Message, term: number): void {
    const { currentTerm } = server.durable.hardState;
    check(currentTerm >= term, "a term is on disk before a message names it (R1)", () =>
      describe(server, message),
    );
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
      message.matchIndex <= leader.memory.baseIndex ||
        (chain !== null && entries.holds(message.matchIndex, chain)),
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
