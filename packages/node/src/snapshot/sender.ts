import type { SnapshotBody, SnapshotMessage } from "@raftkv/protocol";
import type { SnapshotReader } from "@raftkv/store";
import { invariant, logIndex } from "raft-ts";
import type { InstallSnapshot, LogBase, LogIndex, Message, ServerId } from "raft-ts";
import type { Logger } from "../logger.js";
import type { Bandwidth } from "./bandwidth.js";
import { Transfer } from "./transfer.js";

/** A follower that is silent for so long may have missed the announcement, or have been restarted: it is told again. */
const ANNOUNCE_AGAIN_MS = 500;

export interface SnapshotSenderOptions {
  readonly bandwidth: Bandwidth;
  /** How long a silent follower's stream stays open. */
  readonly idleMs: number;
  readonly openSnapshot: () => Promise<SnapshotReader>;
  /** What stands at an index of the log as the base of a snapshot. */
  readonly baseAt: (index: LogIndex) => LogBase | null;
  readonly announce: (message: InstallSnapshot) => void;
  readonly send: (to: ServerId, message: Omit<SnapshotMessage, "group" | "kind"> & SnapshotBody) => void;
  readonly reported: (peer: ServerId, ok: boolean) => void;
  readonly logger: Logger;
}

/** One follower that the core announced a snapshot to. */
interface Follower {
  readonly announced: InstallSnapshot;
  transfer: Transfer | null;
  opening: boolean;
  heardMs: number;
  announcedMs: number;
}

/**
 * The leader's end: what the core announced is streamed to each follower once that asks for it, one stream each, all within
 * one bandwidth. A follower that comes back goes on where it was, for as long as its stream is open (S10).
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #followers = new Map<ServerId, Follower>();
  #transfers = 0;
  #sent = 0;
  #sentBytes = 0;

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** Snapshots that followers have installed. */
  get sent(): number {
    return this.#sent;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** What a follower will ask the log for once it has its snapshot begins behind this index; null: none is under way. */
  coveredFor(peer: ServerId): LogIndex | null {
    const follower = this.#followers.get(peer);
    return follower === undefined ? null : (follower.transfer?.base ?? follower.announced.base).index;
  }

  /** Takes note of the announcements among the messages that the core sends. */
  announced(messages: readonly Message[], nowMs: number): void {
    for (const message of messages) {
      if (message.kind !== "installSnapshot" || !message.withData) continue;
      const before = this.#followers.get(message.to);
      const transfer = before?.announced.term === message.term ? (before.transfer ?? null) : null;
      // A stream that is open already and reaches far enough will do.
      const kept = transfer !== null && transfer.base.index >= message.base.index ? transfer : null;
      if (before !== undefined && before.transfer !== kept) this.#close(before);
      this.#followers.set(message.to, {
        announced: message,
        transfer: kept,
        opening: false,
        heardMs: nowMs,
        announcedMs: nowMs,
      });
    }
  }

  received(from: ServerId, message: SnapshotMessage, nowMs: number): void {
    const follower = this.#followers.get(from);
    if (follower === undefined || follower.announced.term !== message.term) return;
    follower.heardMs = nowMs;
    const transfer = follower.transfer?.id === message.transfer ? follower.transfer : null;
    switch (message.kind) {
      case "fetch":
        if (transfer !== null) transfer.resume(message.next);
        // It may have asked again before it heard of this one.
        else if (follower.transfer?.isFresh === true) follower.transfer.begin();
        else void this.#open(follower);
        return;
      case "ack":
        transfer?.acknowledged(message.next);
        return;
      case "done":
        if (transfer !== null) this.#done(follower, transfer);
        return;
      default:
        return;
    }
  }

  tick(nowMs: number): void {
    for (const follower of this.#followers.values()) {
      const silentMs = nowMs - follower.heardMs;
      if (silentMs >= this.#options.idleMs) {
        this.#failed(follower, `it was not heard for ${Math.round(silentMs)} ms`);
      } else if (silentMs >= ANNOUNCE_AGAIN_MS && nowMs - follower.announcedMs >= ANNOUNCE_AGAIN_MS) {
        follower.announcedMs = nowMs;
        this.#options.announce(follower.announced);
      }
    }
  }

  /** This server does not lead any more, or stops. */
  stop(): void {
    for (const follower of this.#followers.values()) this.#close(follower);
    this.#followers.clear();
  }

  /** Opens a new stream; one that was open is of no use to this follower, which knows nothing of it. */
  async #open(follower: Follower): Promise<void> {
    if (follower.opening) return;
    follower.opening = true;
    this.#close(follower);
    const peer = follower.announced.to;
    try {
      const reader = await this.#options.openSnapshot();
      if (this.#followers.get(peer) !== follower) {
        await reader.close();
        return;
      }
      follower.transfer = this.#transferOf(follower, reader);
      follower.opening = false;
      follower.transfer.begin();
    } catch (error) {
      this.#failed(follower, (error as Error).message);
    }
  }

  #transferOf(follower: Follower, reader: SnapshotReader): Transfer {
    const { announced } = follower;
    const { index, term } = reader.position;
    const base = this.#options.baseAt(logIndex(index));
    invariant(base?.term === term, "what is applied stands in the log, or is its base (S4)");
    invariant(index >= announced.base.index, "the store covers what the log has dropped (S4)");
    this.#transfers += 1;
    const id = this.#transfers;
    this.#options.logger.info(
      { peer: announced.to, index, transfer: id },
      `sending a snapshot of index ${index} to ${announced.to}`,
    );
    return new Transfer({
      id,
      announced,
      reader,
      base,
      bandwidth: this.#options.bandwidth,
      send: (body) => this.#options.send(announced.to, { term: announced.term, transfer: id, ...body }),
      onSent: (bytes) => (this.#sentBytes += bytes),
      onFailed: (error) => this.#failed(follower, (error as Error).message),
    });
  }

  #done(follower: Follower, transfer: Transfer): void {
    const peer = follower.announced.to;
    this.#sent += 1;
    this.#options.logger.info(
      { peer, index: transfer.base.index },
      `${peer} has installed the snapshot of index ${transfer.base.index}`,
    );
    this.#end(follower, true);
  }

  #failed(follower: Follower, why: string): void {
    const peer = follower.announced.to;
    if (this.#followers.get(peer) !== follower) return;
    this.#options.logger.warn({ peer }, `the snapshot for ${peer} is given up: ${why}`);
    this.#end(follower, false);
  }

  #end(follower: Follower, ok: boolean): void {
    const peer = follower.announced.to;
    this.#close(follower);
    this.#followers.delete(peer);
    this.#options.reported(peer, ok);
  }

  #close(follower: Follower): void {
    const { transfer } = follower;
    follower.transfer = null;
    // A reader that cannot be closed went with its store.
    void transfer?.close().catch(() => undefined);
  }
}
