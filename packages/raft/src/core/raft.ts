import { countOwnVote, noteOwnDurable } from "./election.js";
import type { Proposal, RaftEvent } from "./event.js";
import { handleConnectionLost } from "./fast-failover.js";
import { invariant, unreachable } from "./invariant.js";
import { advanceTransfer, handleTransferLeadership } from "./leadership-transfer.js";
import { clockSeen, leaseHolds } from "./lease.js";
import {
  handleChangeLease,
  handleChangeMembership,
  handleLeaveJoint,
  leaveJointWhenCommitted,
  stepDownWhenRemoved,
} from "./membership.js";
import type { RaftOptions, RaftRestart } from "./options.js";
import { handlePropose } from "./propose.js";
import { advanceReads, handleRead, handleReadByMajority } from "./read-index.js";
import type { ReadGrant, Ready, SoftState } from "./ready.js";
import { receive } from "./receive.js";
import { handleUnreachable, replicateToAll } from "./replication.js";
import {
  expectsSnapshot,
  handleCompacted,
  handleSnapshotReceived,
  handleSnapshotReported,
} from "./snapshot.js";
import { startState } from "./start.js";
import type { RaftState } from "./state.js";
import { raftStatus } from "./status.js";
import type { RaftStatus } from "./status.js";
import { tick } from "./tick.js";
import { logIndex } from "./types.js";
import type { Configuration, IndexRange, LogBase, LogIndex, ServerId, Term } from "./types.js";
import { handOverFromWitness, witnessCompactable } from "./witness.js";

/**
 * One server of one group: events in, effects out. Synchronous and total; no clock, no I/O, no randomness of its own.
 *
 * The contract of the shell:
 * - step everything that has arrived, then take one `ready()`;
 * - put the bodies of `appended` (and of received entries) where `write`, `sendNow` and `apply` will look for them;
 * - send `sendNow` at once; hand `write` to the log, and when it is on disk send its `thenSend` and step `persisted`;
 *   writes reach the disk in the order of their numbers;
 * - apply `apply` in order, and step `applied`; it may overlap with writes;
 * - do what `snapshots` says in order, before the `apply` of the same Ready; an `installSnapshot` that is sent with data
 *   is followed by the data, and by `snapshotReported`;
 * - a failed write is the end of this server (R17, W1): stop stepping it.
 */
export class Raft<P extends Proposal = Proposal> {
  readonly #state: RaftState<P>;
  #softState: SoftState;
  #compactable: LogIndex;

  constructor(options: RaftOptions, restart: RaftRestart) {
    this.#state = startState<P>(options, restart);
    this.#softState = { role: "follower", currentTerm: this.#state.currentTerm, leader: null };
    this.#compactable = this.#state.log.base.index;
  }

  /**
   * Takes in one event. Effects are collected until `ready()` is called.
   * @param nowMicros a monotonic clock in whole microseconds, above 0, read after the event happened. With every step or
   *   with none; where there is none no lease is ever used (R19).
   * @throws {InvariantViolation} our own bug, here or in the shell; the process must end (C6).
   */
  step(event: RaftEvent<P>, nowMicros: number | null = null): void {
    const state = this.#state;
    clockSeen(state, nowMicros);
    switch (event.kind) {
      case "tick":
        tick(state);
        break;
      case "receive":
        receive(state, event.message);
        break;
      case "propose":
        handlePropose(state, event.proposals);
        break;
      case "persisted":
        this.#persisted(event.writeSeq);
        break;
      case "applied":
        this.#applied(event.index);
        break;
      case "read":
        handleRead(state, event.readId);
        break;
      case "readByMajority":
        handleReadByMajority(state, event.readId);
        break;
      case "unreachable":
        if (state.role === "leader") handleUnreachable(state, event.peer);
        break;
      case "connectionLost":
        handleConnectionLost(state, event.peer);
        break;
      case "transferLeadership":
        handleTransferLeadership(state, event.to);
        break;
      case "changeMembership":
        handleChangeMembership(state, event.change);
        break;
      case "leaveJoint":
        handleLeaveJoint(state);
        break;
      case "changeLease":
        handleChangeLease(state, event.lease);
        break;
      case "compacted":
        handleCompacted(state, event.index);
        break;
      case "snapshotReceived":
        handleSnapshotReceived(state, event.from, event.term, event.base);
        break;
      case "snapshotReported":
        handleSnapshotReported(state, event.peer, event.ok);
        break;
      default:
        unreachable(event);
    }
    if (state.role === "leader") this.#leaderDuties();
  }

  /** Everything that is to be done since the last call, or null. */
  ready(): Ready<P> | null {
    const state = this.#state;
    const { log, outbox } = state;
    advanceReads(state);
    if (state.role === "leader") replicateToAll(state);
    const softState = this.#takeSoftState();
    const apply = this.#takeApply();
    const compactable = this.#takeCompactable();
    if (softState === null && apply === null && compactable === null && outbox.isEmpty) return null;
    // Messages that need not wait after all join those that leave now.
    const write = outbox.takeWrite(log);
    return {
      softState,
      appended: outbox.takeAppended(),
      sendNow: outbox.takeSendNow(),
      write,
      apply,
      reads: outbox.takeReads(),
      rejected: outbox.takeRejected(),
      refused: outbox.takeRefused(),
      snapshots: outbox.takeSnapshots(),
      compactable,
    };
  }

  /** For people, metrics and the checker of invariants. */
  status(): RaftStatus {
    return raftStatus(this.#state);
  }

  /** The term of the entry at `index`, or null outside the log. */
  termAt(index: LogIndex): Term | null {
    return this.#state.log.termAt(index);
  }

  /**
   * What stands at `index` as the base under a log: to be written before `compacted` is stepped, and the name of a
   * snapshot that is taken there. Null outside the log.
   */
  baseAt(index: LogIndex): LogBase | null {
    return this.#state.log.baseAt(index);
  }

  /** Whether a read that was granted may be answered now that its value was read: its lease may have ended (R19). */
  leaseHolds(grant: ReadGrant, nowMicros: number): boolean {
    return leaseHolds(this.#state, grant, nowMicros);
  }

  /** Whether chunks of a snapshot that `from` began to send in `sentTerm` are to be taken in (R23). */
  expectsSnapshot(from: ServerId, sentTerm: Term): boolean {
    return expectsSnapshot(this.#state, from, sentTerm);
  }

  get isLeader(): boolean {
    return this.#state.role === "leader";
  }

  /** The one in force: the latest in the log (R21). Another object whenever it is another one. */
  get configuration(): Configuration {
    return this.#state.log.configuration;
  }

  /** Where it stands in the log. */
  get configurationIndex(): LogIndex {
    return this.#state.log.configurationIndex;
  }

  get commitIndex(): LogIndex {
    return this.#state.commitIndex;
  }

  /** What a leader does on its own as soon as it can, whatever the event was. */
  #leaderDuties(): void {
    const state = this.#state;
    leaveJointWhenCommitted(state);
    handOverFromWitness(state);
    // A witness that is of no use has left it to another one.
    if (state.role !== "leader") return;
    advanceTransfer(state);
    stepDownWhenRemoved(state);
  }

  #persisted(writeSeq: number): void {
    const state = this.#state;
    const hardState = state.outbox.persisted(writeSeq);
    if (hardState !== null) {
      state.durableTerm = hardState.currentTerm;
      state.durableVote = hardState.votedFor;
      countOwnVote(state);
    }
    if (state.role === "leader") noteOwnDurable(state);
  }

  #applied(index: LogIndex): void {
    const state = this.#state;
    invariant(index < state.applyFrom, "only what was handed out is applied");
    // What was being applied when a snapshot took its place is covered by that (R23).
    if (index > state.appliedIndex) state.appliedIndex = index;
  }

  #takeApply(): IndexRange | null {
    const state = this.#state;
    const to = logIndex(state.commitIndex + 1);
    if (state.applyFrom >= to) return null;
    const range: IndexRange = { from: state.applyFrom, to };
    state.applyFrom = to;
    return range;
  }

  #takeSoftState(): SoftState | null {
    const { role, currentTerm, leader } = this.#state;
    const before = this.#softState;
    if (before.role === role && before.currentTerm === currentTerm && before.leader === leader) return null;
    this.#softState = { role, currentTerm, leader };
    return this.#softState;
  }

  #takeCompactable(): LogIndex | null {
    const compactable = witnessCompactable(this.#state);
    if (compactable <= this.#compactable || compactable <= this.#state.log.base.index) return null;
    this.#compactable = compactable;
    return compactable;
  }
}
