import type { CommandResult } from "@raftkv/fsm";
import type { LeaderHint, LeaderLeases, PeerFrame, PeerMessage, SnapshotMessage } from "@raftkv/protocol";
import type {
  LogIndex,
  RaftEvent,
  RaftStatus,
  Ready,
  Rejection,
  ServerId,
  StorageWrite,
  Term,
} from "raft-ts";
import { Applier } from "./applier.js";
import type { Applies } from "./applier.js";
import { ArrivingWrites } from "./arriving-writes.js";
import { CatchUp } from "./catch-up.js";
import type { GroupOptions } from "./group-options.js";
import { incoming } from "./incoming.js";
import { LeaderDuties, isOwn } from "./leader-duties.js";
import { Leadership } from "./leadership.js";
import { formatOfAll } from "./log-format.js";
import type { LogProposal } from "./log-proposal.js";
import { LogWrites } from "./log-writes.js";
import { leasesOf } from "./members/leases.js";
import { Members } from "./members/members.js";
import { monotonicMicros } from "./monotonic-clock.js";
import { PendingReads } from "./pending-reads.js";
import type { ReadRequest } from "./pending-reads.js";
import { PendingWrites } from "./pending-writes.js";
import type { Pace } from "./raft-options.js";
import { STOPPING, notLeader, rejected } from "./refusals.js";
import { SnapshotTasks } from "./snapshot-tasks.js";
import { WitnessApplier } from "./witness-applier.js";

/**
 * The event loop of one Raft group: everything that arrives within one turn of Node's loop is stepped, then one Ready
 * is taken and carried out. So a burst of proposals is one batch, one fsync, and one message to each follower.
 * Nothing is awaited between reading the core's state and acting on it (R16).
 */
export class Group {
  readonly members: Members;
  readonly #options: GroupOptions;
  readonly #applier: Applies;
  readonly #leadership: Leadership;
  readonly #duties: LeaderDuties;
  readonly #snapshotTasks: SnapshotTasks;
  readonly #catchUp: CatchUp;
  readonly #writes = new PendingWrites();
  readonly #reads: PendingReads;
  readonly #arriving: ArrivingWrites;
  readonly #logWrites: LogWrites;
  #turnScheduled = false;
  #stopped = false;
  #committed = 0;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#leadership = new Leadership(options);
    const { id: group, log, data, appliedIndex, bodies, checkpointer, raft, settings } = options;
    const ofAll = (): number | null => formatOfAll(raft, options.logFormatOf);
    this.#reads = new PendingReads({ leaseHolds: (grant) => raft.leaseHolds(grant, monotonicMicros()) });
    this.#arriving = new ArrivingWrites(options.batchWaitMs, () => this.#schedule());
    this.#logWrites = new LogWrites({
      group,
      log,
      bodies,
      arriving: this.#arriving,
      onPersisted: (write) => this.#persisted(write),
      onFailed: (error) => this.#fail(error),
    });
    this.members = new Members({
      ...options,
      step: (event) => this.happened(event),
      leader: () => this.leader,
      logFormat: () => this.#duties.logFormat,
      formatOfAll: ofAll,
    });
    this.#duties = new LeaderDuties({
      machine: () => options.data?.replica.machine ?? null,
      settings,
      formatOfAll: ofAll,
      hashCheckDue: (nowMs) => options.data?.hashChecks.due(nowMs) ?? false,
      nowMs: () => performance.now(),
    });
    const unapplied = (): number => this.status.commitIndex - this.appliedIndex;
    this.#catchUp = new CatchUp({ ...options, unapplied }, (append) =>
      this.#receive(append, monotonicMicros()),
    );
    const onApplied = (index: LogIndex, entries: number, bytes: number): void => {
      checkpointer.applied(bytes, entries);
      this.#reads.applied(index);
      options.onApplied();
      this.#proposeOwn();
      this.happened({ kind: "applied", index });
    };
    this.#applier =
      data === null
        ? new WitnessApplier(appliedIndex, onApplied)
        : new Applier({
            group,
            log,
            machine: () => data.replica.machine,
            appliedIndex,
            onTook: (tookMs) => options.timings.apply.observe(tookMs),
            onResult: (index, term, result) => this.#answer(index, term, result),
            onApplied,
            onFailed: (error) => this.#fail(error),
          });
    this.#snapshotTasks = new SnapshotTasks({
      log,
      applier: this.#applier,
      snapshots: data?.snapshots ?? null,
      isStopped: () => this.#stopped,
      onInstalled: (index) => {
        this.#writes.covered(index);
        this.#reads.applied(index);
        options.onApplied();
      },
      onFailed: (error) => this.#fail(error),
    });
  }

  get status(): RaftStatus {
    return this.#options.raft.status();
  }

  get term(): Term {
    return this.#leadership.term ?? this.status.currentTerm;
  }

  get appliedIndex(): LogIndex {
    return this.#applier.appliedIndex;
  }

  /** The leader's log time, at others that of the last entry applied (F5). */
  get logTimeMs(): number {
    return this.#duties.logTimeMs();
  }

  /** Commands of clients that were applied since the start. */
  get commandsCommitted(): number {
    return this.#committed;
  }

  get pendingWrites(): number {
    return this.#writes.size;
  }

  get pendingReads(): number {
    return this.#reads.size;
  }

  get pace(): Pace {
    return this.#options.pace;
  }

  get leaderLeases(): LeaderLeases {
    return leasesOf(this.status, monotonicMicros());
  }

  /** Reads that a lease granted since the start, and how often it had ended before the answer (R19). */
  get leaseReads(): PendingReads["leases"] {
    return this.#reads.leases;
  }

  get elections(): Leadership["elections"] {
    return this.#leadership.elections;
  }

  /** Of the last checkpoint since the start; null before the first. */
  get checkpointIndex(): LogIndex | null {
    return this.#options.checkpointer.lastIndex;
  }

  get leader(): LeaderHint | null {
    return this.#leadership.leader;
  }

  /** Whether this server leads at this moment, as the core has it. */
  get leads(): boolean {
    return !this.#stopped && this.#options.raft.isLeader;
  }

  /** False at a witness (R24). */
  get hasData(): boolean {
    return this.#options.data !== null;
  }

  propose(proposal: LogProposal): void {
    if (this.#stopped) {
      proposal.refused(STOPPING);
      return;
    }
    this.#arriving.add(proposal);
    this.#schedule();
  }

  read(request: ReadRequest): void {
    if (this.#stopped) {
      request.refused();
      return;
    }
    this.#reads.add(request);
    this.#schedule();
  }

  /** A read that no lease may grant: one that did had ended before the answer was there (R19), or a majority is to be heard. */
  readByMajority(request: ReadRequest): void {
    if (this.#stopped) {
      request.refused();
      return;
    }
    this.#reads.addByMajority(request);
    this.#schedule();
  }

  /**
   * Messages of a peer.
   * @throws {FrameError | BadEntriesError} the bytes are not what they claim to be: the connection is cut (C6).
   */
  receive(frame: PeerFrame): void {
    if (this.#stopped) return;
    // Behind the arrival of all of them, as a promise demands (R19).
    const nowMicros = monotonicMicros();
    for (const received of frame.messages)
      if (!this.#catchUp.holds(received)) this.#receive(received, nowMicros);
  }

  #receive(received: PeerMessage, nowMicros: number): void {
    const { bodies, raft, space } = this.#options;
    const message = incoming(received, { bodies, space, hasData: this.hasData });
    if (message !== null) this.#step(() => raft.step({ kind: "receive", message }, nowMicros));
  }

  /** About the data of a snapshot (R23). */
  snapshotMessage(from: ServerId, message: SnapshotMessage): void {
    if (!this.#stopped) this.#options.data?.snapshots.message(from, message);
  }

  /** Anything else that happened: to a connection, by an operator's word, in other parts of the node. */
  happened(event: RaftEvent<LogProposal>): void {
    if (event.kind === "connectionLost") this.#catchUp.connectionLost(event.peer);
    this.#step(() => this.#options.raft.step(event, monotonicMicros()));
  }

  /** Makes a checkpoint now; null when the group is ending, or that ends it. */
  async checkpoint(): Promise<LogIndex | null> {
    return this.#stopped ? null : this.#options.checkpointer.now();
  }

  /** Leadership goes to whoever is best placed, if there is somebody (§3.10). */
  handOver(): void {
    this.happened({ kind: "transferLeadership", to: null });
  }

  tick(nowMs: number): void {
    this.happened({ kind: "tick" });
    this.#options.checkpointer.tick(nowMs);
    this.#options.data?.tick(nowMs);
    this.members.tick(nowMs);
    this.#writes.tick(nowMs);
    this.#proposeOwn();
  }

  /** The node is broken: nothing more is stepped, sent or applied, and who waits is told what is known (W1, C4). */
  halt(): void {
    this.#stopped = true;
    this.#catchUp.drop();
    this.#options.data?.hashChecks.stop();
    void this.#applier.stop();
    this.#abandon();
  }

  /** Takes no more in, and answers what waits with what is known of it (C4). */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#catchUp.drop();
    await this.#options.data?.stop();
    await this.#applier.stop();
    this.#abandon();
    await this.#options.checkpointer.idle();
  }

  #abandon(): void {
    this.#arriving.abandon();
    this.#writes.abandon();
    this.#reads.abandon();
    this.members.abandon();
  }

  /** Runs what touches the core; whatever it throws is the end of this server. */
  #step(action: () => void): void {
    if (this.#stopped) return;
    try {
      action();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turnScheduled || this.#stopped) return;
    this.#turnScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false;
    if (this.#stopped) return;
    try {
      this.#stepArrivals();
      const ready = this.#options.raft.ready();
      if (ready !== null) this.#carryOut(ready);
      this.members.observe();
      this.#options.bodies.clear();
    } catch (error) {
      this.#fail(error);
    }
  };

  #proposeOwn(): void {
    const proposal = this.#duties.next();
    if (proposal !== null) this.propose(proposal);
  }

  #stepArrivals(): void {
    const { raft } = this.#options;
    const nowMicros = monotonicMicros();
    const proposals = this.#arriving.take(this.#writes.size);
    if (proposals !== null) raft.step({ kind: "propose", proposals }, nowMicros);
    const { byMajorityId, readId } = this.#reads.takeTurn();
    if (readId !== null) raft.step({ kind: "read", readId }, nowMicros);
    if (byMajorityId !== null) raft.step({ kind: "readByMajority", readId: byMajorityId }, nowMicros);
  }

  #carryOut(ready: Ready<LogProposal>): void {
    const { bodies, data, outgoing, raft } = this.#options;
    if (ready.softState !== null) {
      this.#leadership.changed(ready.softState);
      if (!raft.isLeader) {
        data?.snapshots.notLeading();
        this.#duties.ended();
      }
    }
    for (const appended of ready.appended) {
      if (appended.kind === "configuration") this.members.appended(appended.firstIndex, appended.term);
      if (appended.kind === "noop") this.#duties.began(appended.firstIndex, appended.term);
      bodies.encode(appended, this.#duties.stampMs());
      this.#writes.add(appended);
    }
    const carryOutTasks = this.#snapshotTasks.prepare(ready.snapshots);
    // The log first: it makes the entries visible to those who send and apply them.
    if (ready.write !== null) this.#logWrites.write(ready.write);
    carryOutTasks(this.#logWrites.lastSeq);
    outgoing.send(ready.sendNow);
    data?.snapshots.announced(ready.sendNow);
    if (ready.apply !== null) this.#applier.add(ready.apply);
    for (const grant of ready.reads) this.#reads.granted(grant, this.#applier.appliedIndex);
    for (const rejection of ready.rejected) this.#rejected(rejection);
    for (const refusal of ready.refused) {
      const { command, reason } = refusal;
      if (!this.members.refused(refusal))
        this.#options.logger.info({ command, reason }, `${command} was not carried out: ${reason}`);
    }
  }

  #persisted(write: StorageWrite): void {
    if (this.#stopped) return;
    this.#options.outgoing.send(write.thenSend);
    this.happened({ kind: "persisted", writeSeq: write.writeSeq });
  }

  #answer(index: LogIndex, term: Term, result: CommandResult | null): void {
    this.#duties.applied(index, term);
    if (result !== null && !isOwn(result)) this.#committed += 1;
    this.#writes.applied(index, term, result, this.#lost);
  }

  /** Another leader's entry is committed in its place: it never happened, and may be sent again. */
  readonly #lost = (proposal: LogProposal): void => proposal.refused(notLeader(this.leader));

  #rejected(rejection: Rejection<LogProposal>): void {
    if (rejection.kind === "read") this.#reads.rejected(rejection.readId);
    else rejection.proposal.refused(rejected(rejection.reason, this.leader));
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.onFailed(error);
  }
}
