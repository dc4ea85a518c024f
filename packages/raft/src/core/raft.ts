import { handleAppendRequest } from "./append-request.js";
import { advanceCommit } from "./commit-index.js";
import {
  campaign,
  countOwnVote,
  handlePreVoteRequest,
  handlePreVoteResponse,
  handleVoteRequest,
  handleVoteResponse,
  hearsAnotherLeader,
  noteOwnDurable,
} from "./election.js";
import type { Proposal, RaftEvent } from "./event.js";
import {
  broadcastHeartbeats,
  checkQuorum,
  handleHeartbeatRequest,
  handleHeartbeatResponse,
} from "./heartbeat.js";
import { invariant, unreachable } from "./invariant.js";
import { LogShape } from "./log-shape.js";
import type { Message } from "./messages.js";
import { checkOptions } from "./options.js";
import type { RaftOptions, RaftRestart } from "./options.js";
import { Outbox } from "./outbox.js";
import { handlePropose } from "./propose.js";
import { createRandom } from "./random.js";
import {
  advanceReads,
  handleRead,
  handleReadIndexRequest,
  handleReadIndexResponse,
  repeatReadRequest,
} from "./read-index.js";
import type { Ready, SoftState } from "./ready.js";
import { handleAppendResponse, handleUnreachable, replicateToAll } from "./replication.js";
import { replyOnceTermIsDurable } from "./reply.js";
import { becomeFollower } from "./role.js";
import { heardLeader, restartElectionTimer } from "./state.js";
import type { RaftState } from "./state.js";
import { raftStatus } from "./status.js";
import type { RaftStatus } from "./status.js";
import { logIndex, term } from "./types.js";
import type { IndexRange, LogIndex, Term } from "./types.js";

/**
 * One server of one group: events in, effects out. Synchronous and total; no clock, no I/O, no randomness of its own.
 *
 * The contract of the shell:
 * - step everything that has arrived, then take one `ready()`;
 * - put the bodies of `appended` (and of received entries) where `write`, `sendNow` and `apply` will look for them;
 * - send `sendNow` at once; hand `write` to the log, and when it is on disk send its `thenSend` and step `persisted`;
 *   writes reach the disk in the order of their numbers;
 * - apply `apply` in order, and step `applied`; it may overlap with writes;
 * - a failed write is the end of this server (R17, W1): stop stepping it.
 */
export class Raft<P extends Proposal = Proposal> {
  readonly #state: RaftState<P>;
  /** What was handed out for applying so far. */
  #applyFrom: LogIndex;
  #softState: SoftState;

  constructor(options: RaftOptions, restart: RaftRestart) {
    checkOptions(options);
    const log = new LogShape(restart.base);
    if (restart.entries.to > restart.entries.from) log.appendShapes(restart.entries, restart.entries.from);
    invariant(
      restart.appliedIndex >= restart.base.index,
      "what was applied covers the base under the log (S3)",
    );
    invariant(restart.appliedIndex <= log.lastIndex, "the log reaches what was applied (S3)");
    const { currentTerm, votedFor } = restart.hardState;
    invariant(log.lastTerm <= currentTerm, "no entry is of a later term than the current one");
    this.#state = {
      options,
      random: createRandom(options.seed),
      log,
      outbox: new Outbox<P>(log.lastIndex),
      role: "follower",
      currentTerm,
      votedFor,
      leader: null,
      commitIndex: restart.appliedIndex,
      appliedIndex: restart.appliedIndex,
      durableTerm: currentTerm,
      durableVote: votedFor,
      electionElapsedTicks: 0,
      electionTimeoutTicks: 0,
      leaderHeardTicks: Infinity,
      heartbeatElapsedTicks: 0,
      votes: new Map(),
      progress: new Map(),
      uncommittedBytes: 0,
      leaderReads: { lastRound: 0, round: null, waiting: [] },
      followerReads: { lastRound: 0, asked: [], waiting: [], elapsedTicks: 0 },
    };
    restartElectionTimer(this.#state);
    this.#applyFrom = logIndex(restart.appliedIndex + 1);
    this.#softState = { role: "follower", currentTerm, leader: null };
  }

  /** Takes in one event. Effects are collected until `ready()` is called. */
  step(event: RaftEvent<P>): void {
    const state = this.#state;
    switch (event.kind) {
      case "tick":
        this.#tick();
        return;
      case "receive":
        this.#receive(event.message);
        return;
      case "propose":
        handlePropose(state, event.proposals);
        return;
      case "persisted":
        this.#persisted(event.writeSeq);
        return;
      case "applied":
        invariant(event.index >= state.appliedIndex, "the applied index never goes back");
        invariant(event.index < this.#applyFrom, "only what was handed out is applied");
        state.appliedIndex = event.index;
        return;
      case "read":
        handleRead(state, event.readId);
        return;
      case "unreachable":
        if (state.role === "leader") handleUnreachable(state, event.peer);
        return;
      default:
        unreachable(event);
    }
  }

  /** Everything that is to be done since the last call, or null. */
  ready(): Ready<P> | null {
    const state = this.#state;
    const { log, outbox } = state;
    advanceReads(state);
    if (state.role === "leader") replicateToAll(state);
    const write = outbox.takeWrite(log.lastIndex, (from, to) => log.runsIn(from, to));
    const ready: Ready<P> = {
      softState: this.#takeSoftState(),
      appended: outbox.takeAppended(),
      sendNow: outbox.takeSendNow(),
      write,
      apply: this.#takeApply(),
      reads: outbox.takeReads(),
      rejected: outbox.takeRejected(),
    };
    const empty =
      ready.softState === null &&
      ready.appended.length === 0 &&
      ready.sendNow.length === 0 &&
      ready.write === null &&
      ready.apply === null &&
      ready.reads.length === 0 &&
      ready.rejected.length === 0;
    return empty ? null : ready;
  }

  /** For people, metrics and the checker of invariants. */
  status(): RaftStatus {
    return raftStatus(this.#state);
  }

  /** The term of the entry at `index`, or null outside the log. */
  termAt(index: LogIndex): Term | null {
    return this.#state.log.termAt(index);
  }

  get isLeader(): boolean {
    return this.#state.role === "leader";
  }

  #tick(): void {
    const state = this.#state;
    state.electionElapsedTicks += 1;
    state.leaderHeardTicks += 1;
    if (state.role === "leader") {
      state.heartbeatElapsedTicks += 1;
      if (state.electionElapsedTicks >= state.options.electionTimeoutTicks) {
        state.electionElapsedTicks = 0;
        checkQuorum(state);
      }
      if (state.role === "leader" && state.heartbeatElapsedTicks >= state.options.heartbeatTicks) {
        broadcastHeartbeats(state);
      }
      return;
    }
    repeatReadRequest(state);
    if (state.electionElapsedTicks >= state.electionTimeoutTicks) campaign(state);
  }

  #receive(message: Message): void {
    const state = this.#state;
    invariant(message.to === state.options.id, "a message is stepped by the server that it names");
    if (message.term < state.currentTerm) {
      this.#answerOutdated(message);
      return;
    }
    if (message.term > state.currentTerm && !this.#adoptTerm(message)) return;
    switch (message.kind) {
      case "preVoteRequest":
        handlePreVoteRequest(state, message);
        return;
      case "preVoteResponse":
        handlePreVoteResponse(state, message);
        return;
      case "voteRequest":
        handleVoteRequest(state, message);
        return;
      case "voteResponse":
        handleVoteResponse(state, message);
        return;
      case "appendRequest":
        this.#follow(message);
        handleAppendRequest(state, message);
        return;
      case "heartbeatRequest":
        this.#follow(message);
        handleHeartbeatRequest(state, message);
        return;
      case "commitNotice":
        this.#follow(message);
        advanceCommit(state, message.commitIndex);
        return;
      case "appendResponse":
        if (state.role === "leader") handleAppendResponse(state, message);
        return;
      case "heartbeatResponse":
        if (state.role === "leader") handleHeartbeatResponse(state, message);
        return;
      case "readIndexRequest":
        handleReadIndexRequest(state, message);
        return;
      case "readIndexResponse":
        handleReadIndexResponse(state, message);
        return;
      default:
        unreachable(message);
    }
  }

  /** A message of a later term. Returns whether it is to be looked at further. */
  #adoptTerm(message: Message): boolean {
    const state = this.#state;
    switch (message.kind) {
      case "preVoteRequest":
        return true;
      case "preVoteResponse":
        // A grant names the asked term and changes nothing; a refusal shows that this server is behind (R2).
        if (message.granted) return true;
        break;
      case "voteRequest":
        // A server that hears its leader does not let others disturb it (thesis §4.2.3, R4).
        if (hearsAnotherLeader(state, message.from)) return false;
        break;
      default:
        break;
    }
    becomeFollower(state, message.term, null);
    return true;
  }

  /** The leader of the current term speaks: whoever campaigned in it has lost. */
  #follow(message: Message): void {
    const state = this.#state;
    invariant(state.role !== "leader", "one leader a term (election safety, §3.4)");
    if (state.role !== "follower" || state.leader !== message.from) {
      becomeFollower(state, state.currentTerm, message.from);
    }
    heardLeader(state, message.from);
  }

  /** Without an answer, a server that is stuck at a later term would never rejoin, or elections deadlock (R3). */
  #answerOutdated(message: Message): void {
    const state = this.#state;
    const reply = { from: state.options.id, to: message.from, term: state.currentTerm } as const;
    switch (message.kind) {
      case "preVoteRequest":
        replyOnceTermIsDurable(state, { ...reply, kind: "preVoteResponse", granted: false });
        return;
      case "voteRequest":
        replyOnceTermIsDurable(state, { ...reply, kind: "voteResponse", granted: false });
        return;
      case "appendRequest":
        replyOnceTermIsDurable(state, {
          ...reply,
          kind: "appendResponse",
          success: false,
          prevLogIndex: message.prevLogIndex,
          matchIndex: logIndex(0),
          hintIndex: logIndex(0),
          hintTerm: term(0),
        });
        return;
      case "heartbeatRequest":
        replyOnceTermIsDurable(state, { ...reply, kind: "heartbeatResponse", readRound: 0 });
        return;
      default:
        return;
    }
  }

  #persisted(writeSeq: number): void {
    const state = this.#state;
    const { hardState } = state.outbox.persisted(writeSeq);
    if (hardState !== null) {
      state.durableTerm = hardState.currentTerm;
      state.durableVote = hardState.votedFor;
      countOwnVote(state);
    }
    if (state.role === "leader") noteOwnDurable(state);
  }

  #takeApply(): IndexRange | null {
    const to = logIndex(this.#state.commitIndex + 1);
    if (this.#applyFrom >= to) return null;
    const range: IndexRange = { from: this.#applyFrom, to };
    this.#applyFrom = to;
    return range;
  }

  #takeSoftState(): SoftState | null {
    const { role, currentTerm, leader } = this.#state;
    const before = this.#softState;
    if (before.role === role && before.currentTerm === currentTerm && before.leader === leader) return null;
    this.#softState = { role, currentTerm, leader };
    return this.#softState;
  }
}
