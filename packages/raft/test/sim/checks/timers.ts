import type { Message, RaftEvent, RaftStatus, ServerId } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import type { Observed } from "./observed.js";
import { isOnMajority } from "./committed.js";

interface Timer {
  /** Ticks since something that must restart the election timer. */
  sinceRestart: number;
  /** Ticks since something that may restart it. */
  sinceExcuse: number;
  /** Its leader's connection was seen to drop: it may campaign at once (R4). */
  isFast: boolean;
  /** By peer: how many ticks ago it answered this leader. */
  readonly heard: Map<ServerId, number>;
}

/** The timers of a server as they look from outside: what restarts them and what does not (R2, R6), and the quorum's (R7). */
export class TimerChecks {
  readonly #electionTimeoutTicks: number;
  readonly #timers = new Map<number, Timer>();

  constructor(electionTimeoutTicks: number) {
    this.#electionTimeoutTicks = electionTimeoutTicks;
  }

  started(server: Observed): void {
    this.#timers.set(server.number, { sinceRestart: 0, sinceExcuse: 0, isFast: false, heard: new Map() });
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    const timer = this.#timers.get(server.number);
    if (timer === undefined) return;
    if (event.kind === "tick") {
      timer.sinceRestart += 1;
      // On a slow disk the timer waits for the candidate's own vote, and with a promise given for its end (R1, R19).
      const waits = after.role === "candidate" && after.durableTerm !== after.currentTerm;
      if (!waits && after.promisedUntilMicros <= server.clockMicros) timer.sinceExcuse += 1;
    }
    if (event.kind === "connectionLost") {
      const usesLeases = (before.configuration.lease ?? null) !== null;
      if (!usesLeases && before.leader === event.peer) timer.isFast = true;
      check(
        !usesLeases || after.electionTimeoutTicks === before.electionTimeoutTicks,
        "a dropped connection changes nothing while leases are in use (R4, R19)",
        () => `${server.id} would campaign after ${after.electionTimeoutTicks} ticks`,
      );
    }
    if (event.kind === "receive") this.#received(timer, event.message, after);
    if (event.kind === "tick" && hasCampaigned(before, after)) {
      check(
        timer.isFast || timer.sinceRestart >= this.#electionTimeoutTicks,
        "nobody campaigns before an election timeout has passed (R4, R6)",
        () =>
          `${server.id} campaigns after ${timer.sinceRestart} ticks, the timeout is ${this.#electionTimeoutTicks}`,
      );
      timer.isFast = false;
      timer.sinceRestart = 0;
      timer.sinceExcuse = 0;
    }
    if (after.role === "candidate" && before.currentTerm < after.currentTerm) {
      timer.sinceRestart = 0;
      timer.sinceExcuse = 0;
    }
    if (after.role === "leader") this.#leads(server, timer, event, before, after);
    else if (before.role === "leader") {
      timer.sinceRestart = 0;
      timer.sinceExcuse = 0;
    }
  }

  turnEnded(server: Observed, status: RaftStatus): void {
    const timer = this.#timers.get(server.number);
    if (timer !== undefined && status.role !== "leader") this.#waits(server, timer, status);
  }

  /** A campaign that changes no role shows in its requests only. */
  leaves(server: Observed, message: Message): void {
    if (message.kind !== "preVoteRequest" && message.kind !== "voteRequest") return;
    const timer = this.#timers.get(server.number);
    if (timer !== undefined) timer.sinceExcuse = 0;
  }

  #received(timer: Timer, message: Message, after: RaftStatus): void {
    if (message.term !== after.currentTerm) return;
    switch (message.kind) {
      case "appendRequest":
      case "heartbeatRequest":
      case "commitNotice":
      case "installSnapshot":
        timer.isFast = false;
        timer.sinceRestart = 0;
        timer.sinceExcuse = 0;
        return;
      case "voteRequest":
        if (after.votedFor === message.from) timer.sinceExcuse = 0;
        return;
      case "appendResponse":
      case "heartbeatResponse":
        timer.heard.set(message.from, 0);
        return;
      default:
        return;
    }
  }

  #leads(
    server: Observed,
    timer: Timer,
    event: RaftEvent<Command>,
    before: RaftStatus,
    after: RaftStatus,
  ): void {
    if (before.role !== "leader") {
      timer.heard.clear();
      for (const { id } of after.progress) timer.heard.set(id, 0);
      return;
    }
    if (event.kind !== "tick") return;
    const limit = this.#electionTimeoutTicks;
    for (const { id } of after.progress) if (!timer.heard.has(id)) timer.heard.set(id, 0);
    for (const [peer, ticks] of timer.heard) timer.heard.set(peer, ticks + 1);
    check(
      isOnMajority(
        after.configuration,
        (id) => id === server.id || (timer.heard.get(id) ?? Infinity) <= limit,
      ),
      "a leader that hears no majority steps down (R7)",
      () => `${server.id} still leads term ${after.currentTerm} after ${limit} ticks`,
    );
  }

  #waits(server: Observed, timer: Timer, after: RaftStatus): void {
    const { voters, outgoing } = after.configuration;
    if (!voters.includes(server.id) && !outgoing.includes(server.id)) return;
    check(
      timer.sinceExcuse <=
        (2 + 10 - server.priority + (server.isWitness ? 1 : 0)) * this.#electionTimeoutTicks + 1,
      "only a leader's messages and a granted vote restart the election timer (R2, R6)",
      () => `${server.id} has not campaigned for ${timer.sinceExcuse} ticks`,
    );
  }
}

function hasCampaigned(before: RaftStatus, after: RaftStatus): boolean {
  if (after.role === "preCandidate") return before.role !== "preCandidate";
  return (
    after.role !== "follower" && after.currentTerm > before.currentTerm && before.role !== "preCandidate"
  );
}
