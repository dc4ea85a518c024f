import { LogCompactedError, LogRangeError, WalClosedError, invariant, logIndex } from "raft-ts";
import type { AppendRequest, Frame, GroupId, LogWriter, Message, ServerId } from "raft-ts";
import { encodePeerFrame, peerMessageToWire } from "@raftkv/protocol";
import type { Lane, PackedFrame, PeerMessage, WirePeerMessage } from "@raftkv/protocol";
import { CommitNotices } from "./commit-notices.js";

/** No frame for a peer holds more entries than this, unless a single entry is larger. */
const FRAME_BYTES_TARGET = 1024 * 1024;

export interface OutgoingOptions {
  readonly group: GroupId;
  readonly log: LogWriter;
  /** The log keeps the recent entries in memory; a witness's does not. */
  readonly cached: boolean;
  readonly send: (peer: ServerId, lane: Lane, frame: PackedFrame) => void;
  /** A read of the log failed: the end of this server (R17). */
  readonly onFailed: (error: unknown) => void;
}

/** Turns the core's messages into frames: bodies put in, one frame a peer and lane, heartbeats apart (C5). */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #notices = new CommitNotices((notices) => this.#send(notices));
  /** Appends to each peer that wait for the disk; one after the other is read, since a whole window at once would hold up everything else (C5). */
  readonly #fromDisk = new Map<ServerId, { waiting: number; last: Promise<void> }>();
  /** Over all of them. */
  #waiting = 0;
  /** Of the last append that waits. */
  #term = 0;
  /** The bytes of the last range: the next follower usually wants the same. */
  #last: { readonly first: Frame; readonly count: number; readonly bytes: Buffer } | null = null;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** In this order, but for notices of what is committed, which may come a moment later or not at all. */
  send(messages: readonly Message[]): void {
    const leaving = this.#waiting === 0 ? messages : messages.filter((message) => !this.#isVain(message));
    this.#send(this.#notices.sift(leaving));
  }

  /** An append without entries would overtake those before it. Here it is not yet taken for what tells the follower what is committed. */
  #isVain(message: Message): boolean {
    if (message.kind !== "appendRequest" || message.entries.from !== message.entries.to) return false;
    return this.#waitingFor(message.to) > 0;
  }

  #waitingFor(peer: ServerId): number {
    return this.#waiting === 0 ? 0 : (this.#fromDisk.get(peer)?.waiting ?? 0);
  }

  #send(messages: readonly Message[]): void {
    const batches = new Map<string, { peer: ServerId; lane: Lane; wire: WirePeerMessage[]; bytes: number }>();
    for (const message of messages) {
      const ready = message.kind === "appendRequest" ? this.#withBodies(message) : message;
      if (ready === null) continue;
      const lane = laneOf(ready);
      const key = `${lane}/${ready.to}`;
      let batch = batches.get(key);
      if (batch === undefined) {
        batch = { peer: ready.to, lane, wire: [], bytes: 0 };
        batches.set(key, batch);
      }
      const bytes = ready.kind === "appendRequest" ? ready.entries.length : 0;
      // Closed before it would grow too large: a frame holds several small messages, or a single large one.
      if (batch.bytes > 0 && batch.bytes + bytes > FRAME_BYTES_TARGET) {
        this.#emit(batch.peer, lane, batch.wire);
        batch.wire = [];
        batch.bytes = 0;
      }
      batch.wire.push(peerMessageToWire(ready));
      batch.bytes += bytes;
    }
    for (const { peer, lane, wire } of batches.values()) this.#emit(peer, lane, wire);
    this.#last = null;
  }

  #emit(peer: ServerId, lane: Lane, wire: readonly WirePeerMessage[]): void {
    this.#options.send(peer, lane, encodePeerFrame(this.#options.group, wire));
  }

  /**
   * Null when the bodies must come from the disk: the message then leaves when they are there, and so do those behind it. One that went before
   * them would be refused, and everything sent again (R12, R13).
   */
  #withBodies(message: AppendRequest): PeerMessage | null {
    const { from, to } = message.entries;
    const waiting = this.#waitingFor(message.to);
    if (from === to) return waiting > 0 ? null : { ...message, entries: NO_ENTRIES };
    const { cached, group, log } = this.#options;
    const frames = cached && waiting === 0 ? log.cached(group, from, to, Infinity) : null;
    if (frames !== null) return { ...message, entries: this.#join(frames) };
    this.#term = message.term;
    this.#queueForDisk(message);
    return null;
  }

  #queueForDisk(message: AppendRequest): void {
    const queue = this.#fromDisk.get(message.to) ?? { waiting: 0, last: Promise.resolve() };
    this.#fromDisk.set(message.to, queue);
    queue.waiting += 1;
    this.#waiting += 1;
    queue.last = queue.last
      // One of an earlier term is of no use.
      .then(() => (message.term === this.#term ? this.#sendFromDisk(message) : undefined))
      .catch((error: unknown) => {
        if (!isOutdated(error)) this.#options.onFailed(error);
      })
      .finally(() => {
        queue.waiting -= 1;
        this.#waiting -= 1;
      });
  }

  async #sendFromDisk(message: AppendRequest): Promise<void> {
    const { group, log } = this.#options;
    const { from, to, runs } = message.entries;
    const frames: Frame[] = [];
    for (let next = from; next < to; next = logIndex((frames.at(-1)?.index ?? next) + 1)) {
      frames.push(...(await log.read(group, { from: next, to }, { maxBytes: FRAME_BYTES_TARGET })));
    }
    // While the disk was read another leader may have replaced them: then the message is of a past that is gone.
    let at = 0;
    for (const run of runs) {
      for (let index = run.from; index < run.to; index = logIndex(index + 1)) {
        if (frames[at]?.term !== run.term) return;
        at += 1;
      }
    }
    this.#emit(message.to, "bulk", [peerMessageToWire({ ...message, entries: this.#join(frames) })]);
  }

  /** Frames that were encoded together lie together, and need no copy. */
  #join(frames: readonly Frame[]): Buffer {
    const first = frames[0];
    invariant(first !== undefined, "a range that is not empty has frames");
    if (this.#last !== null && this.#last.first === first && this.#last.count === frames.length)
      return this.#last.bytes;
    const bytes = adjacent(frames) ?? Buffer.concat(frames.map((frame) => frame.bytes));
    this.#last = { first, count: frames.length, bytes };
    return bytes;
  }
}

const NO_ENTRIES = Buffer.alloc(0);

/**
 * Whether the entries were replaced or compacted, or the log was closed, while the disk was read: nothing is wrong with
 * the log then (R17), the message is one of a past that is gone.
 */
function isOutdated(error: unknown): boolean {
  return (
    error instanceof LogRangeError || error instanceof LogCompactedError || error instanceof WalClosedError
  );
}

function adjacent(frames: readonly Frame[]): Buffer | null {
  const first = frames[0];
  if (first === undefined) return null;
  let end = first.start;
  for (const frame of frames) {
    if (frame.source !== first.source || frame.start !== end) return null;
    ({ end } = frame);
  }
  return first.source.subarray(first.start, end);
}

function laneOf(message: PeerMessage): Lane {
  switch (message.kind) {
    case "appendRequest":
    case "appendResponse":
    case "commitNotice":
      return "bulk";
    default:
      return "control";
  }
}
