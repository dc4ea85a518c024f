import type { Message, RaftEvent, RaftStatus, Ready, ServerId } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import type { Observed } from "./observed.js";

interface Heard {
  leader: ServerId | null;
  /** Ticks since that leader last spoke. */
  ticks: number;
}

/** Nobody disturbs a server that hears its leader, and that leader itself is not kept from winning again (R4). */
export class DisturbanceChecks {
  readonly #electionTimeoutTicks: number;
  readonly #heard = new Map<number, Heard>();
  #asked = new Set<ServerId>();
  #mustRefuse = new Set<ServerId>();
  #mustGrant = new Set<ServerId>();

  constructor({ electionTimeoutTicks }: { readonly electionTimeoutTicks: number }) {
    this.#electionTimeoutTicks = electionTimeoutTicks;
  }

  started(server: Observed): void {
    this.#heard.set(server.number, { leader: null, ticks: Infinity });
  }

  turnBegins(): void {
    this.#asked = new Set();
    this.#mustRefuse = new Set();
    this.#mustGrant = new Set();
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    const heard = this.#heard.get(server.number);
    if (heard === undefined) return;
    if (event.kind === "tick") heard.ticks += 1;
    if (event.kind === "receive") this.#received(server, event.message, heard, before, after);
    if (event.kind === "connectionLost" && event.peer === heard.leader) heard.leader = null;
    if (after.leader === null || after.role === "leader") heard.leader = null;
  }

  turnEnded(server: Observed, ready: Ready<Command> | null): void {
    if (this.#mustRefuse.size === 0 && this.#mustGrant.size === 0) return;
    const answers: Message[] = [...(ready?.sendNow ?? []), ...(ready?.write?.thenSend ?? [])];
    for (const peer of this.#mustRefuse) {
      check(
        !answers.some((answer) => answer.kind === "preVoteResponse" && answer.to === peer && answer.granted),
        "a pre-vote is refused while a leader is heard (R4)",
        () => `${server.id} grants it to ${peer}`,
      );
    }
    for (const peer of this.#mustGrant) {
      check(
        answers.some((answer) => answer.kind === "preVoteResponse" && answer.to === peer && answer.granted),
        "that a leader was heard does not keep it from winning again (R4)",
        () => `${server.id} refuses ${peer}`,
      );
    }
  }

  #received(server: Observed, message: Message, heard: Heard, before: RaftStatus, after: RaftStatus): void {
    switch (message.kind) {
      case "appendRequest":
      case "heartbeatRequest":
      case "commitNotice":
      case "installSnapshot":
        if (message.term === after.currentTerm) {
          heard.leader = message.from;
          heard.ticks = 0;
        }
        return;
      case "preVoteRequest":
        // Of several of one turn the answers cannot be told apart.
        if (this.#asked.has(message.from)) {
          this.#mustRefuse.delete(message.from);
          this.#mustGrant.delete(message.from);
          return;
        }
        this.#asked.add(message.from);
        if (this.#hearsOther(heard, message.from)) this.#mustRefuse.add(message.from);
        if (this.#isLeaderAgain(server, message, before)) this.#mustGrant.add(message.from);
        return;
      case "voteRequest":
        check(
          !message.transfer || after.currentTerm >= message.term,
          "whom a leader asked to campaign need not wait for it to fall silent (R4)",
          () => `${server.id} stays in term ${after.currentTerm} after ${JSON.stringify(message)}`,
        );
        if (message.transfer || message.term <= before.currentTerm || !this.#hearsOther(heard, message.from))
          return;
        check(
          after.currentTerm === before.currentTerm,
          "a vote request is ignored while a leader is heard (R4)",
          () => `${server.id} goes to term ${after.currentTerm} for ${message.from}`,
        );
        return;
      default:
        return;
    }
  }

  #hearsOther(heard: Heard, candidate: ServerId): boolean {
    return heard.leader !== null && heard.leader !== candidate && heard.ticks < this.#electionTimeoutTicks;
  }

  #isLeaderAgain(
    server: Observed,
    message: Extract<Message, { kind: "preVoteRequest" }>,
    before: RaftStatus,
  ): boolean {
    const { lastLogIndex, lastLogTerm } = message;
    const isUpToDate =
      lastLogTerm > before.lastTerm || (lastLogTerm === before.lastTerm && lastLogIndex >= before.lastIndex);
    return (
      before.leader === message.from &&
      before.role === "follower" &&
      message.term > before.currentTerm &&
      isUpToDate &&
      // A promise may have been given to another before (R19).
      before.promisedUntilMicros <= server.clockMicros &&
      (before.configuration.lease ?? null) === null
    );
  }
}
