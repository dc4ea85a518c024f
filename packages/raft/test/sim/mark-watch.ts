import type { Message, RaftEvent, RaftStatus, ReadGrant, Ready, Rejection } from "../../dist/core/index.js";
import type { Command } from "./entry.js";
import type { Marks } from "./marks.js";
import type { Observed } from "./checks/observed.js";
import { isOnMajority } from "./checks/committed.js";
import { isVoter, MemberMarks } from "./member-marks.js";

interface InFlight {
  readonly writeSeq: number;
  readonly lastIndex: number;
}

/** Recognises the rare branches by what goes in and comes out. */
export class MarkWatch {
  readonly #marks: Marks;
  readonly #uncommittedBytesMax: number;
  /** By server: writes with entries that are on their way to the disk, and those of them that were overwritten. */
  readonly #writes = new Map<number, InFlight[]>();
  readonly #overwritten = new Map<number, Set<number>>();
  /** What arrived in the running turn. */
  #received: Message[] = [];
  /** Servers that are about to campaign because of a dropped connection. */
  readonly #fast = new Set<number>();
  readonly #members: MemberMarks;

  constructor(marks: Marks, uncommittedBytesMax: number) {
    this.#marks = marks;
    this.#members = new MemberMarks(marks);
    this.#uncommittedBytesMax = uncommittedBytesMax;
  }

  started(status: RaftStatus): void {
    if (status.votedFor !== null) this.#marks.hit("restartedWithVote");
  }

  crashed(server: Observed): void {
    this.#fast.delete(server.number);
    this.#writes.delete(server.number);
    this.#overwritten.delete(server.number);
  }

  turnBegins(): void {
    this.#received = [];
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    const marks = this.#marks;
    this.#members.stepped(server, event, before, after);
    switch (event.kind) {
      case "tick":
        if (before.role === "candidate" && after.role === "preCandidate") marks.hit("campaignTwice");
        if (before.role === "follower" && after.role === "preCandidate") {
          if (this.#fast.delete(server.number)) marks.hit("fastFailover");
          if (!isVoter(after.configuration, server.id)) marks.hit("campaignsOutside");
        }
        if (before.role === "leader" && after.role === "follower") marks.hit("steppedDownQuorum");
        return;
      case "receive":
        this.#received.push(event.message);
        this.#receive(server, event.message, before, after);
        return;
      case "persisted":
        if (this.#overwritten.get(server.number)?.delete(event.writeSeq) === true)
          marks.hit("truncatedConfirmed");
        return;
      case "propose":
        if (before.role === "leader" && before.uncommittedBytes === 0 && after.uncommittedBytes > 0) {
          const bytes = event.proposals[0]?.bytes ?? 0;
          if (bytes > this.#uncommittedBytesMax) marks.hit("overloadedSingle");
        }
        return;
      case "read":
        if (after.role === "leader" && server.core?.termAt(after.commitIndex) !== after.currentTerm) {
          marks.hit("readWaitsForTerm");
        }
        return;
      case "unreachable":
      case "connectionLost": {
        if (event.kind === "connectionLost" && before.leader === event.peer && before.role === "follower") {
          if ((after.configuration.lease ?? null) !== null) marks.hit("dropIgnoredLease");
          else if (after.electionTimeoutTicks < before.electionTimeoutTicks) this.#fast.add(server.number);
        }
        const was = before.progress.find(({ id }) => id === event.peer)?.state;
        const is = after.progress.find(({ id }) => id === event.peer)?.state;
        if (was === "replicate" && is === "probe") marks.hit("dropNoticeProbes");
        return;
      }
      default:
        return;
    }
  }

  readied(server: Observed, ready: Ready<Command>): void {
    const marks = this.#marks;
    this.#members.readied(ready);
    const { status } = server;
    for (const message of ready.sendNow) this.#sends(message, status);
    for (const message of ready.write?.thenSend ?? []) this.#sends(message, status);
    if (ready.reads.length > 1) marks.hit("readRoundShared");
    if (ready.reads.length > 0 && status?.role !== "leader") marks.hit("readAtFollower");
    const { write } = ready;
    const [first] = write?.entries ?? [];
    if (write === null || first === undefined) return;
    let writes = this.#writes.get(server.number);
    if (writes === undefined) this.#writes.set(server.number, (writes = []));
    const durableIndex = server.durable.entries.lastIndex;
    for (const earlier of writes) {
      if (earlier.lastIndex < first.from || earlier.lastIndex <= durableIndex) continue;
      marks.hit("truncatedInFlight");
      const overwritten = this.#overwritten.get(server.number) ?? new Set();
      this.#overwritten.set(server.number, overwritten.add(earlier.writeSeq));
    }
    writes.push({ writeSeq: write.writeSeq, lastIndex: (write.entries.at(-1)?.to ?? 1) - 1 });
    if (writes.length > 8) writes.shift();
  }

  granted(_server: Observed, grant: ReadGrant): void {
    if (grant.leaseEndMicros !== null) this.#marks.hit("leaseRead");
  }

  answersRead(holds: boolean): void {
    if (!holds) this.#marks.hit("leaseEndedMeanwhile");
  }

  compactable(): void {
    this.#marks.hit("witnessCompacts");
  }

  rejected(rejection: Rejection<Command>): void {
    if (rejection.reason === "transferring") this.#marks.hit("transferRefusesProposal");
    if (rejection.reason === "overloaded") this.#marks.hit("overloaded");
    if (rejection.kind === "read" && rejection.reason === "leadershipLost") this.#marks.hit("readLost");
  }

  #receive(server: Observed, message: Message, before: RaftStatus, after: RaftStatus): void {
    const marks = this.#marks;
    if (after.role !== before.role) this.#changesRole(message, before, after);
    switch (message.kind) {
      case "voteRequest":
        if (message.term > before.currentTerm && after.currentTerm === before.currentTerm) {
          marks.hit(
            before.leader === null && before.role !== "leader" ? "promiseHolds" : "voteRefusedLeader",
          );
        }
        if (message.term === before.currentTerm && before.votedFor === message.from)
          marks.hit("voteRepeated");
        return;
      case "appendRequest": {
        const end = message.entries.to - 1;
        if (message.term < after.currentTerm) return;
        if (message.prevLogIndex < before.commitIndex) {
          marks.hit(end <= before.commitIndex ? "appendBelowCommit" : "appendAcrossCommit");
        }
        if (after.lastIndex < before.lastIndex || server.core?.termAt(before.lastIndex) !== before.lastTerm) {
          marks.hit("truncated");
        }
        return;
      }
      case "appendResponse": {
        if (after.role !== "leader" || message.term !== after.currentTerm) return;
        if (after.commitIndex === before.commitIndex) this.#oldTermWaits(server, after);
        if (after.progress.some(({ inflightFull }) => inflightFull)) marks.hit("windowFull");
        return;
      }
      default:
        return;
    }
  }

  #changesRole(message: Message, before: RaftStatus, after: RaftStatus): void {
    const marks = this.#marks;
    if (after.role === "follower") {
      if (before.role === "candidate") marks.hit("candidateLost");
      if (before.role === "leader") marks.hit("steppedDownTerm");
      if (before.role === "preCandidate") {
        if (message.kind === "preVoteResponse" && message.term > before.currentTerm)
          marks.hit("preVoteRefusedTerm");
        else if (message.kind === "appendRequest" || message.kind === "heartbeatRequest")
          marks.hit("preVoteLost");
      }
    }
  }

  #oldTermWaits(server: Observed, after: RaftStatus): void {
    const next = after.progress.filter(({ matchIndex }) => matchIndex > after.commitIndex);
    if (next.length === 0) return;
    const lowest = Math.min(...next.map(({ matchIndex }) => matchIndex));
    if (server.core?.termAt(lowest as never) === after.currentTerm) return;
    const has = new Set(next.map(({ id }) => id));
    if (isOnMajority(after.configuration, (id) => has.has(id))) this.#marks.hit("oldTermWaits");
  }

  #sends(message: Message, status: RaftStatus | null): void {
    const marks = this.#marks;
    switch (message.kind) {
      case "preVoteResponse":
        if (!message.granted && this.#wasAskedAbove(message) && status?.leader !== null) {
          marks.hit("preVoteRefusedLeader");
        }
        return;
      case "voteResponse":
        if (message.granted) {
          if (status !== null && !isVoter(status.configuration, status.id)) marks.hit("learnerVotes");
          return;
        }
        if (status?.votedFor !== null && status?.votedFor !== message.to) marks.hit("voteRefusedTaken");
        else if (status?.votedFor === null) marks.hit("voteRefusedLog");
        return;
      case "appendResponse":
        if (!message.success) marks.hit(this.#isOutdated(message) ? "outdatedAnswered" : "appendRefused");
        return;
      case "appendRequest":
        if (message.entries.from === message.entries.to) marks.hit("emptyAppend");
        return;
      default:
        return;
    }
  }

  #wasAskedAbove(answer: Message): boolean {
    return this.#received.some(
      (message) =>
        message.kind === "preVoteRequest" && message.from === answer.to && message.term > answer.term,
    );
  }

  #isOutdated(answer: Message): boolean {
    return this.#received.some(
      (message) =>
        message.kind === "appendRequest" && message.from === answer.to && message.term < answer.term,
    );
  }
}
