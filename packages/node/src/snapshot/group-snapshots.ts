import type { ServerResponse } from "node:http";
import type { PackedFrame, SnapshotBody, SnapshotMessage } from "@raftkv/protocol";
import { encodeSnapshotMessage } from "@raftkv/protocol";
import type { SnapshotAbout } from "@raftkv/store";
import { invariant } from "raft-ts";
import type {
  GroupId,
  InstallSnapshot,
  LogBase,
  LogIndex,
  Message,
  Raft,
  RaftEvent,
  ServerId,
  SnapshotTask,
} from "raft-ts";
import type { LogProposal } from "../group/log-proposal.js";
import type { Replica } from "../group/replica.js";
import type { Logger } from "../logger.js";
import type { PolitePace } from "../polite-pace.js";
import { Bandwidth } from "./bandwidth.js";
import { SnapshotReceiver } from "./receiver.js";
import { sendSaved } from "./save.js";
import { SnapshotSender } from "./sender.js";

export interface GroupSnapshotsOptions {
  readonly group: GroupId;
  readonly raft: Raft<LogProposal>;
  readonly replica: Replica;
  /** At which the data of a snapshot is taken in. */
  readonly politePace: PolitePace;
  readonly bytesPerSecond: number;
  readonly idleMs: number;
  /** Snapshots that are saved at one time. */
  readonly savesMax: number;
  readonly hasRoom: () => boolean;
  readonly sendBytes: (peer: ServerId, frame: PackedFrame) => void;
  /** Says once more what the core has said before. */
  readonly announce: (message: InstallSnapshot) => void;
  readonly step: (event: RaftEvent<LogProposal>) => void;
  readonly logger: Logger;
}

/** What metrics tell of the snapshots of a node. */
export interface SnapshotCounts {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
}

/** The snapshots of a member with data: both ends of the transfer, and the exchange of the store (R23, S10). */
export class GroupSnapshots {
  readonly #options: GroupSnapshotsOptions;
  /** Shared by all that leaves this node of its store. */
  readonly #bandwidth: Bandwidth;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  #saving = 0;

  constructor(options: GroupSnapshotsOptions) {
    this.#options = options;
    const { announce, bytesPerSecond, group, hasRoom, idleMs, logger, raft, replica, step } = options;
    this.#bandwidth = new Bandwidth(bytesPerSecond);
    const send = (to: ServerId, message: Omit<SnapshotMessage, "group" | "kind"> & SnapshotBody): void =>
      options.sendBytes(to, encodeSnapshotMessage({ group, ...message }));
    this.#sender = new SnapshotSender({
      bandwidth: this.#bandwidth,
      idleMs,
      openSnapshot: () => replica.openSnapshot(),
      baseAt: (index) => raft.baseAt(index),
      announce,
      send,
      reported: (peer, ok) => step({ kind: "snapshotReported", peer, ok }),
      logger,
    });
    this.#receiver = new SnapshotReceiver({
      directory: replica.directory,
      storeOptions: replica.storeOptions,
      expects: (from, term) => raft.expectsSnapshot(from, term),
      hasRoom,
      pace: options.politePace,
      send,
      onReceived: (received) => step({ kind: "snapshotReceived", ...received }),
      logger,
    });
  }

  get counts(): SnapshotCounts {
    const { sent, sentBytes } = this.#sender;
    const { received, receivedBytes } = this.#receiver;
    return { sent, sentBytes, received, receivedBytes };
  }

  /** See `SnapshotSender.coveredFor`. */
  coveredFor(peer: ServerId): LogIndex | null {
    return this.#sender.coveredFor(peer);
  }

  /** What the core sends: its announcements are answered by the others with a question for the data. */
  announced(messages: readonly Message[]): void {
    this.#sender.announced(messages, performance.now());
  }

  message(from: ServerId, message: SnapshotMessage): void {
    const nowMs = performance.now();
    this.#sender.received(from, message, nowMs);
    this.#receiver.message(from, message, nowMs);
  }

  task(task: Exclude<SnapshotTask, { kind: "install" }>): void {
    if (task.kind === "receive") this.#receiver.begin(task, performance.now());
    else this.#receiver.discard();
  }

  /**
   * Exchanges the live store for the one that was received. To be called as soon as the core says so, in step with the
   * other tasks: what they do to the received data comes behind this. `mayBegin` resolves with the base durable in the log
   * and nothing being applied, so that whatever a crash leaves from there on, the next start completes; false gives it
   * up. Returns whether it took place.
   */
  install(base: LogBase, mayBegin: () => Promise<boolean>): Promise<boolean> {
    const { logger, replica } = this.#options;
    return this.#receiver.install(async () => {
      if (!(await mayBegin())) return false;
      const startMs = performance.now();
      await replica.exchange();
      invariant(
        replica.appliedIndex === base.index,
        "the store that was installed is the one that the log names",
      );
      const tookMs = Math.round(performance.now() - startMs);
      logger.info(
        { index: base.index, tookMs },
        `installed a snapshot of index ${base.index}, took ${tookMs} ms`,
      );
      return true;
    });
  }

  tick(nowMs: number): void {
    this.#sender.tick(nowMs);
    this.#receiver.tick(nowMs);
  }

  /**
   * Answers with a snapshot of all that is applied, to be kept. False, and nothing is answered, when as many as may be are on their way: each
   * keeps the small state in memory and old versions on the disk (C7). @throws {StoreError} before anything was answered.
   */
  async save(about: SnapshotAbout, response: ServerResponse): Promise<boolean> {
    const { idleMs, logger, replica, savesMax } = this.#options;
    if (this.#saving >= savesMax) return false;
    this.#saving += 1;
    try {
      const reader = await replica.openSnapshot();
      const { index } = reader.position;
      logger.info({ index }, `saving a snapshot of index ${index}`);
      await sendSaved({ about, reader, bandwidth: this.#bandwidth, idleMs }, response);
    } finally {
      this.#saving -= 1;
    }
    return true;
  }

  /** This server does not lead: nobody is sent anything. */
  notLeading(): void {
    this.#sender.stop();
  }

  async stop(): Promise<void> {
    this.#sender.stop();
    await this.#receiver.stop();
  }
}
