import type { CommandResult } from "@raftkv/fsm";
import type { LeaderHint, PeerFrame } from "@raftkv/protocol";
import type {
  GroupId,
  LogIndex,
  Message,
  Raft,
  RaftStatus,
  Ready,
  Rejection,
  SoftState,
  StorageWrite,
  Term,
} from "raft-ts";
import type { LogWriter, ServerId } from "raft-ts";
import type { Logger } from "../logger.js";
import { Applier } from "./applier.js";
import type { ApplierOptions, Applies } from "./applier.js";
import type { Checkpointer } from "./checkpointer.js";
import type { ClientProposal } from "./client-proposal.js";
import type { EntryBodies } from "./entry-bodies.js";
import type { Outgoing } from "./outgoing.js";
import { PendingReads } from "./pending-reads.js";
import type { ReadRequest } from "./pending-reads.js";
import { PendingWrites } from "./pending-writes.js";
import { STOPPING, notLeader, rejected } from "./refusals.js";
import { needsRoom } from "./space-for-entries.js";
import type { SpaceForEntries } from "./space-for-entries.js";
import { WitnessApplier } from "./witness-applier.js";

/** How often writes are looked at that nobody waits for any more. */
const EXPIRY_INTERVAL_MS = 50;

export interface GroupOptions {
  readonly id: GroupId;
  readonly raft: Raft<ClientProposal>;
  readonly log: LogWriter;
  /** Null at a witness, which applies nothing (R24). */
  readonly machine: ApplierOptions["machine"] | null;
  readonly appliedIndex: LogIndex;
  readonly bodies: EntryBodies;
  readonly outgoing: Outgoing;
  readonly checkpointer: Checkpointer;
  readonly space: SpaceForEntries;
  readonly logger: Logger;
  /** Name and client address of a member, for hints. */
  readonly hintOf: (server: ServerId, term: Term) => LeaderHint | null;
  readonly onLeaderChanged: (leader: LeaderHint | null) => void;
  /** The end of this server: a broken invariant, a failed log or store (R17, W1, F4). */
  readonly onFailed: (error: unknown) => void;
}

/**
 * The event loop of one Raft group: everything that arrives within one turn of Node's loop is stepped, then one Ready
 * is taken and carried out. So a burst of proposals is one batch, one fsync, and one message to each follower.
 * Nothing is awaited between reading the core's state and acting on it (R16).
 */
export class Group {
  readonly #options: GroupOptions;
  readonly #applier: Applies;
  readonly #writes = new PendingWrites();
  readonly #reads = new PendingReads();
  #proposals: ClientProposal[] = [];
  #turnScheduled = false;
  #stopped = false;
  #softState: SoftState | null = null;
  #lastExpiryMs = 0;
  /** The log's number of the last batch that was appended; a barrier waits for it. */
  #lastLogSeq = 0;
  #committed = 0;

  constructor(options: GroupOptions) {
    this.#options = options;
    const { id: group, log, machine, appliedIndex, checkpointer } = options;
    const onApplied = (index: LogIndex, bytes: number): void => {
      checkpointer.applied(bytes, index - this.#lastApplied);
      this.#lastApplied = index;
      this.#reads.applied(index);
      this.#step(() => options.raft.step({ kind: "applied", index }));
    };
    this.#applier =
      machine === null
        ? new WitnessApplier(appliedIndex, onApplied)
        : new Applier({
            group,
            log,
            machine,
            appliedIndex,
            onResult: (index, term, result) => this.#answer(index, term, result),
            onApplied,
            onFailed: (error) => this.#fail(error),
          });
    this.#lastApplied = appliedIndex;
  }

  #lastApplied: LogIndex;

  get status(): RaftStatus {
    return this.#options.raft.status();
  }

  get appliedIndex(): LogIndex {
    return this.#applier.appliedIndex;
  }

  /** Commands of clients that were applied since the start. */
  get commandsCommitted(): number {
    return this.#committed;
  }

  get pendingWrites(): number {
    return this.#writes.size;
  }

  get leader(): LeaderHint | null {
    const soft = this.#softState;
    return soft === null || soft.leader === null ? null : this.#options.hintOf(soft.leader, soft.currentTerm);
  }

  /** Whether this server leads at this moment, as the core has it. */
  get leads(): boolean {
    return !this.#stopped && this.#options.raft.isLeader;
  }

  propose(proposal: ClientProposal): void {
    if (this.#stopped) {
      proposal.refused(STOPPING);
      return;
    }
    this.#proposals.push(proposal);
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

  /**
   * Messages of a peer.
   * @throws {FrameError | BadEntriesError} the bytes are not what they claim to be: the connection is cut (C6).
   */
  receive(frame: PeerFrame): void {
    if (this.#stopped) return;
    const { bodies, raft, space } = this.#options;
    for (const received of frame.messages) {
      if (received.kind === "appendRequest") {
        if (!space.takesEntries && needsRoom(received.entries)) continue;
        space.spend(received.entries.length);
      }
      const message: Message =
        received.kind === "appendRequest"
          ? {
              ...received,
              entries: bodies.receive(((received.prevLogIndex as number) + 1) as LogIndex, received.entries),
            }
          : received;
      this.#step(() => raft.step({ kind: "receive", message }));
    }
  }

  unreachable(peer: ServerId): void {
    this.#step(() => this.#options.raft.step({ kind: "unreachable", peer }));
  }

  connectionLost(peer: ServerId): void {
    this.#step(() => this.#options.raft.step({ kind: "connectionLost", peer }));
  }

  /** The log's base is `index` now, and on disk. */
  compacted(index: LogIndex): void {
    this.#step(() => this.#options.raft.step({ kind: "compacted", index }));
  }

  /** Leadership goes to whoever is best placed, if there is somebody (§3.10). */
  handOver(): void {
    this.#step(() => this.#options.raft.step({ kind: "transferLeadership", to: null }));
  }

  tick(nowMs: number): void {
    this.#step(() => this.#options.raft.step({ kind: "tick" }));
    this.#options.checkpointer.tick(nowMs);
    if (nowMs - this.#lastExpiryMs >= EXPIRY_INTERVAL_MS) {
      this.#lastExpiryMs = nowMs;
      this.#writes.expire(nowMs);
    }
  }

  /** The node is broken: nothing more is stepped, sent or applied, and who waits is told what is known (W1, C4). */
  halt(): void {
    this.#stopped = true;
    void this.#applier.stop();
    this.#abandon();
  }

  /** Takes no more in, and answers what waits with what is known of it (C4). */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#applier.stop();
    this.#abandon();
    await this.#options.checkpointer.idle();
  }

  #abandon(): void {
    const proposals = this.#proposals;
    this.#proposals = [];
    for (const proposal of proposals) proposal.refused(STOPPING);
    this.#writes.abandon();
    this.#reads.abandon();
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
      this.#options.bodies.clear();
    } catch (error) {
      this.#fail(error);
    }
  };

  #stepArrivals(): void {
    const { raft } = this.#options;
    if (this.#proposals.length > 0) {
      const proposals = this.#proposals;
      this.#proposals = [];
      raft.step({ kind: "propose", proposals });
    }
    const readId = this.#reads.takeTurn();
    if (readId !== null) raft.step({ kind: "read", readId });
  }

  #carryOut(ready: Ready<ClientProposal>): void {
    const { bodies, outgoing } = this.#options;
    if (ready.softState !== null) this.#changed(ready.softState);
    for (const appended of ready.appended) {
      bodies.encode(appended);
      this.#writes.add(appended);
    }
    // The log first: it makes the entries visible to those who send and apply them.
    if (ready.write !== null) this.#write(ready.write);
    outgoing.send(ready.sendNow);
    if (ready.apply !== null) this.#applier.add(ready.apply);
    for (const grant of ready.reads) this.#reads.granted(grant, this.#applier.appliedIndex);
    for (const rejection of ready.rejected) this.#rejected(rejection);
    for (const { command, reason } of ready.refused) {
      this.#options.logger.info({ command, reason }, `${command} was not carried out: ${reason}`);
    }
  }

  #write(write: StorageWrite): void {
    const { bodies, id, log } = this.#options;
    if (write.hardState !== null || write.base !== null || write.entries.length > 0) {
      this.#lastLogSeq = log.append({
        group: id,
        hardState: write.hardState,
        base: write.base,
        entries: bodies.collect(write.entries),
      });
    }
    log.durability.wait(this.#lastLogSeq, (error) => {
      if (error === null) this.#persisted(write);
      else this.#fail(error);
    });
  }

  #persisted(write: StorageWrite): void {
    if (this.#stopped) return;
    this.#options.outgoing.send(write.thenSend);
    this.#step(() => this.#options.raft.step({ kind: "persisted", writeSeq: write.writeSeq }));
  }

  #answer(index: LogIndex, term: Term, result: CommandResult | null): void {
    if (result !== null) this.#committed += 1;
    this.#writes.applied(index, term, result, this.#lost);
  }

  /** Another leader's entry is committed in its place: it never happened, and may be sent again. */
  readonly #lost = (proposal: ClientProposal): void => proposal.refused(notLeader(this.leader));

  #rejected(rejection: Rejection<ClientProposal>): void {
    if (rejection.kind === "read") this.#reads.rejected(rejection.readId);
    else rejection.proposal.refused(rejected(rejection.reason, this.leader));
  }

  #changed(softState: SoftState): void {
    const before = this.#softState;
    this.#softState = softState;
    const { logger, onLeaderChanged } = this.#options;
    const { role, currentTerm: term, leader } = softState;
    if (before?.leader === leader && before.role === role) return;
    const name = this.leader?.name ?? null;
    logger.info(
      { term, role, leader: name },
      `${role} in term ${term}, ${name === null ? "no leader" : `the leader is ${name}`}`,
    );
    if (before?.leader !== leader || before.currentTerm !== term) onLeaderChanged(this.leader);
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.onFailed(error);
  }
}
