import { setTimeout as pause } from "node:timers/promises";
import type { SnapshotBody, SnapshotMessage } from "@raftkv/protocol";
import { discardSnapshot, receiveSnapshot } from "@raftkv/store";
import type { SnapshotWriter, StoreOptions } from "@raftkv/store";
import type { LogBase, ServerId, SnapshotTask, Term } from "raft-ts";
import type { Logger } from "../logger.js";
import type { PolitePace } from "../polite-pace.js";

/** A leader that is silent for so long is asked again: chunks, or the question, may be lost. */
const FETCH_AGAIN_MS = 500;
/** Each time that so long went by the rest of a snapshot is taken in with less politeness. */
const HURRY_MS = 15_000;
/** More than any sender has out at one time: what comes beyond is dropped, and asked for again. */
const QUEUED_CHUNKS_MAX = 64;

export interface SnapshotReceiverOptions {
  readonly directory: string;
  readonly storeOptions: Partial<StoreOptions>;
  /** Whether chunks of this leader and term are to be taken in (R23). */
  readonly expects: (from: ServerId, term: Term) => boolean;
  /** Whether there is room on the disk for more (W12). */
  readonly hasRoom: () => boolean;
  readonly pace: PolitePace;
  readonly send: (to: ServerId, message: Omit<SnapshotMessage, "group" | "kind"> & SnapshotBody) => void;
  /** A snapshot is whole, verified and durable beside the live store. */
  readonly onReceived: (received: ReceivedSnapshot) => void;
  readonly logger: Logger;
}

export interface ReceivedSnapshot {
  readonly from: ServerId;
  readonly term: Term;
  readonly base: LogBase;
}

type Wanted = Extract<SnapshotTask, { kind: "receive" }>;

/** One stream that is being taken in. */
interface Incoming {
  readonly wanted: Wanted;
  readonly transfer: number;
  readonly base: LogBase;
  /** Null until LevelDB was created. */
  writer: SnapshotWriter | null;
  queued: number;
  hurriedMs: number;
}

/**
 * The follower's end: fetches what the core was told of, chunk by chunk, into a new generation beside the live store. All
 * that touches the disk runs one after the other, installations included.
 */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  #wanted: Wanted | null = null;
  #incoming: Incoming | null = null;
  /** Whose data is whole, until it is installed or discarded. */
  #whole: Incoming | null = null;
  #work: Promise<void> = Promise.resolve();
  #fetchedMs = 0;
  #received = 0;
  #receivedBytes = 0;

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options;
  }

  /** Snapshots that were installed. */
  get received(): number {
    return this.#received;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The core wants a snapshot: what was taken in of another one is void. */
  begin(wanted: Wanted, nowMs: number): void {
    this.#wanted = wanted;
    const incoming = this.#incoming;
    const { from, term, base } = wanted;
    // A stream that reaches far enough goes on.
    if (incoming?.wanted.from === from && incoming.wanted.term === term && incoming.base.index >= base.index)
      return;
    this.#drop();
    this.#fetch(wanted, nowMs);
  }

  /** Nothing that is under way is wanted. */
  discard(): void {
    this.#wanted = null;
    this.#drop();
    this.#whole = null;
    void this.#queue(() => discardSnapshot(this.#options.directory));
  }

  message(from: ServerId, message: SnapshotMessage, nowMs: number): void {
    const wanted = this.#wanted;
    if (wanted === null || wanted.from !== from || wanted.term !== message.term) return;
    if (!this.#options.expects(from, message.term)) return;
    if (message.kind === "begin") this.#begun(wanted, message, nowMs);
    else if (message.kind === "chunk") this.#chunk(message, nowMs);
  }

  tick(nowMs: number): void {
    const { expects, hasRoom } = this.#options;
    const wanted = this.#wanted;
    if (wanted === null || !expects(wanted.from, wanted.term) || !hasRoom()) return;
    // What waits for the disk comes first.
    if ((this.#incoming?.queued ?? 0) > 0 || nowMs - this.#fetchedMs < FETCH_AGAIN_MS) return;
    this.#fetch(wanted, nowMs);
  }

  /**
   * Runs `install` once nothing else touches the disk, and tells the leader when the snapshot is live; false: it was given up.
   * What comes later, a stream of another snapshot that would discard this one among it, waits until it is done: the log
   * may name this snapshot already, and nothing else can take its place then (S10).
   */
  install(install: () => Promise<boolean>): Promise<boolean> {
    this.#wanted = null;
    const whole = this.#whole;
    this.#whole = null;
    return this.#queue(async () => {
      if (!(await install())) return false;
      this.#received += 1;
      if (whole === null) return true;
      const { transfer, wanted } = whole;
      this.#options.send(wanted.from, { kind: "done", term: wanted.term, transfer });
      return true;
    });
  }

  /** Throws away what is not whole, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#wanted = null;
    this.#drop();
    await this.#work;
  }

  #fetch({ from, term }: Wanted, nowMs: number): void {
    this.#fetchedMs = nowMs;
    const { transfer = 0, writer = null } = this.#incoming ?? {};
    this.#options.send(from, { kind: "fetch", term, transfer, next: writer?.next ?? 0 });
  }

  #begun(wanted: Wanted, message: SnapshotMessage & { kind: "begin" }, nowMs: number): void {
    if (message.base.index < wanted.base.index || this.#incoming?.transfer === message.transfer) return;
    this.#drop();
    const incoming: Incoming = {
      wanted,
      transfer: message.transfer,
      base: message.base,
      writer: null,
      queued: 0,
      hurriedMs: nowMs,
    };
    this.#incoming = incoming;
    this.#fetchedMs = nowMs;
    const { index } = message.base;
    this.#options.logger.info({ index }, `receiving a snapshot of index ${index}`);
    this.#take(incoming, async () => {
      const { directory, storeOptions } = this.#options;
      await discardSnapshot(directory);
      incoming.writer = await receiveSnapshot(directory, storeOptions);
    });
  }

  #chunk(message: SnapshotMessage & { kind: "chunk" }, nowMs: number): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.transfer !== message.transfer) return;
    if (incoming.queued >= QUEUED_CHUNKS_MAX) return;
    this.#fetchedMs = nowMs;
    this.#take(incoming, async () => {
      const { wanted, writer } = incoming;
      // One that came before, or behind one that was lost.
      if (writer === null || message.number !== writer.next) return;
      await writer.add(message.bytes);
      if (nowMs - incoming.hurriedMs >= HURRY_MS) {
        incoming.hurriedMs = nowMs;
        this.#options.pace.hurry();
      }
      const restMs = this.#options.pace.restMs();
      if (restMs > 0) await pause(restMs);
      this.#receivedBytes += message.bytes.length;
      if (this.#incoming !== incoming) return;
      const { term, transfer } = message;
      this.#options.send(wanted.from, { kind: "ack", term, transfer, next: writer.next });
      if (writer.complete) await this.#finish(incoming, writer);
    });
  }

  async #finish(incoming: Incoming, writer: SnapshotWriter): Promise<void> {
    await writer.finish();
    if (this.#incoming !== incoming) {
      await discardSnapshot(this.#options.directory);
      return;
    }
    this.#incoming = null;
    this.#wanted = null;
    this.#whole = incoming;
    const { wanted, base } = incoming;
    this.#options.onReceived({ from: wanted.from, term: wanted.term, base });
  }

  /** Queues a step of `incoming`, which does nothing once that was dropped; a step that fails drops it. */
  #take(incoming: Incoming, step: () => Promise<void>): void {
    incoming.queued += 1;
    void this.#queue(async () => {
      incoming.queued -= 1;
      if (this.#incoming !== incoming) return;
      try {
        await step();
      } catch (error) {
        // Nothing is lost: the live store is as it was, and the snapshot is asked for again from the start.
        this.#options.logger.warn(
          { error: (error as Error).message },
          `a snapshot was thrown away: ${(error as Error).message}`,
        );
        if (this.#incoming === incoming) this.#drop();
      }
    });
  }

  #drop(): void {
    const incoming = this.#incoming;
    this.#incoming = null;
    if (incoming === null) return;
    void this.#queue(async () => {
      await incoming.writer?.abort();
    });
  }

  #queue<Result>(step: () => Promise<Result>): Promise<Result> {
    const done = this.#work.then(step);
    const failed = (error: unknown): void =>
      this.#options.logger.warn({ error: (error as Error).message }, `snapshot: ${(error as Error).message}`);
    this.#work = done.then(() => undefined, failed);
    return done;
  }
}
