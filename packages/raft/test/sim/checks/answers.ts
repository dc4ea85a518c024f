import type { Message, RaftEvent, RaftStatus, Ready, Rejection, ServerId } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import { describe } from "./promises.js";
import type { Observed } from "./observed.js";

/** What has to be answered is, and what an answer or a heartbeat says is within bounds (R2, R3, R10, R14). */
export class AnswerChecks {
  #owed: ServerId[] = [];
  #before: RaftStatus | null = null;
  /** Proposed in this turn, and nothing was uncommitted before nor afterwards. */
  readonly #unhindered = new Set<Command>();

  turnBegins(status: RaftStatus): void {
    this.#owed = [];
    this.#asked.clear();
    this.#before = status;
    this.#unhindered.clear();
  }

  /** By asker and prevLogIndex: the term that was asked for there, of the running turn. */
  readonly #asked = new Map<string, number>();

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    if (event.kind === "propose" && before.uncommittedBytes === 0 && after.uncommittedBytes === 0) {
      for (const command of event.proposals) this.#unhindered.add(command);
    }
    if (event.kind !== "receive") return;
    const { message } = event;
    if (message.kind === "appendRequest") {
      this.#asked.set(`${message.from} ${message.prevLogIndex}`, message.prevLogTerm);
      const vouched = Math.min(message.commitIndex, message.entries.to - 1);
      check(
        after.commitIndex <= Math.max(before.commitIndex, vouched),
        "a follower commits only what the append vouches for (figure 3.1, R10)",
        () => `${server.id} commits ${after.commitIndex} on ${JSON.stringify(message)}`,
      );
    }
    if (message.kind === "preVoteResponse" && !message.granted) {
      check(
        after.currentTerm >= message.term,
        "a candidate adopts the later term that a refused pre-vote carries (R2)",
        () => `${server.id} stays in term ${after.currentTerm} after ${JSON.stringify(message)}`,
      );
    }
    if (message.kind === "preVoteRequest") this.#changesNothing(server, message, before, after);
    if (message.term >= before.currentTerm) return;
    if (
      message.kind === "preVoteRequest" ||
      message.kind === "appendRequest" ||
      message.kind === "installSnapshot" ||
      message.kind === "heartbeatRequest"
    ) {
      this.#owed.push(message.from);
    }
  }

  turnEnded(server: Observed, ready: Ready<Command> | null): void {
    const { status } = server;
    if (status === null) return;
    for (const peer of this.#owed) {
      const isAnswered = (message: Message): boolean =>
        message.to === peer && message.term >= (this.#before?.currentTerm ?? 0);
      check(
        ready !== null && (ready.sendNow.some(isAnswered) || ready.write?.thenSend.some(isAnswered) === true),
        "a request of an earlier term is answered, not dropped (R3)",
        () => `${server.id} leaves ${peer} without an answer`,
      );
    }
    for (const message of ready?.sendNow ?? []) this.#isWithinBounds(server, message, status);
    for (const message of ready?.write?.thenSend ?? []) this.#isWithinBounds(server, message, status);
  }

  rejected(server: Observed, rejection: Rejection<Command>): void {
    if (rejection.kind !== "proposal" || rejection.reason !== "overloaded") return;
    check(
      !this.#unhindered.has(rejection.proposal),
      "the cap on uncommitted bytes never refuses when nothing is uncommitted (R14)",
      () => `${server.id} refuses`,
    );
  }

  #changesNothing(server: Observed, message: Message, before: RaftStatus, after: RaftStatus): void {
    check(
      before.currentTerm === after.currentTerm &&
        before.votedFor === after.votedFor &&
        before.role === after.role &&
        before.leader === after.leader &&
        before.electionElapsedTicks === after.electionElapsedTicks &&
        // The first step of a life sets it, whatever the event (R8).
        (before.promisedUntilMicros === 0 || before.promisedUntilMicros === after.promisedUntilMicros),
      "a pre-vote request changes nothing at the receiver (R2)",
      () => `${server.id} was asked ${JSON.stringify(message)}`,
    );
  }

  /** The last place at which the logs may agree: its term is none that the leader cannot have there (R13). */
  #hints(server: Observed, message: Extract<Message, { kind: "appendResponse" }>): void {
    const prevLogTerm = this.#asked.get(`${message.to} ${message.prevLogIndex}`);
    check(
      prevLogTerm === undefined || message.hintTerm <= prevLogTerm,
      "a refusal's hint skips the whole conflicting term (R13)",
      () => `${server.id} was asked for term ${prevLogTerm}, and sends ${JSON.stringify(message)}`,
    );
  }

  #isWithinBounds(server: Observed, message: Message, status: RaftStatus): void {
    switch (message.kind) {
      case "appendResponse":
        if (!message.success) this.#hints(server, message);
        if (!message.success || message.term !== this.#before?.currentTerm) return;
        check(
          message.matchIndex >= this.#before.commitIndex,
          "an append wholly below the commit index is answered with that (R10)",
          () => describe(server, message),
        );
        return;
      case "heartbeatRequest":
      case "commitNotice": {
        const progress = status.progress.find(({ id }) => id === message.to);
        if (progress === undefined || status.currentTerm !== message.term) return;
        check(
          message.commitIndex <= Math.min(progress.matchIndex, status.commitIndex),
          "a heartbeat names no commit index that the receiver is not known to hold (R10)",
          () => `${describe(server, message)}; it is known to match ${progress.matchIndex}`,
        );
        return;
      }
      default:
        return;
    }
  }
}
