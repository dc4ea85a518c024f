import type { KeyRange, WatchEvent as WireEvent, WatchEvents } from "@raftkv/protocol";
import type { Bytes } from "./bytes.js";
import { keyFromReply, keyValueFromReply } from "./key-value.js";
import type { KeyValue } from "./key-value.js";

/** One change of one key. */
export type WatchEvent<K extends Bytes = Bytes> =
  | {
      readonly kind: "put";
      readonly revision: number;
      readonly key: K;
      readonly kv: KeyValue<K>;
      /** What was there before, if it was asked for. */
      readonly previous: KeyValue<K> | null;
    }
  | {
      readonly kind: "delete";
      readonly revision: number;
      readonly key: K;
      readonly kv: null;
      readonly previous: KeyValue<K> | null;
    };

/** What a watch is to see. */
export interface WatchQuery {
  readonly range: KeyRange;
  readonly wantPrevious: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/** Beside its key and value. */
const EVENT_OVERHEAD_BYTES = 200;

/**
 * What came of one watch and was not consumed yet: whole transactions, ordered by revision, each once (F6), however
 * often the watch has to be placed on another node.
 */
export class WatchFeed {
  readonly query: WatchQuery;
  readonly #asText: boolean;
  readonly #queuedBytesMax: number;
  /** The first revision that is still wanted; 0: what comes from now on. */
  nextRevision: number;
  #queue: WatchEvent[][] = [];
  #queuedBytes = 0;
  /** Events of one transaction whose other events are still to come. */
  #partial: WireEvent[] = [];
  #ending: { readonly error: unknown } | null = null;
  #consumer: { resolve: (events: WatchEvent[] | null) => void; reject: (error: unknown) => void } | null =
    null;

  constructor(
    query: WatchQuery,
    options: { readonly asText: boolean; readonly fromRevision: number; readonly queuedBytesMax: number },
  ) {
    this.query = query;
    this.#asText = options.asText;
    this.nextRevision = options.fromRevision;
    this.#queuedBytesMax = options.queuedBytesMax;
  }

  get ended(): boolean {
    return this.#ending !== null;
  }

  /** More waits for the consumer than should: the node is to send no more. */
  get isFull(): boolean {
    return this.#queuedBytes > this.#queuedBytesMax;
  }

  /** Enough was consumed to take more. */
  get hasRoom(): boolean {
    return this.#queuedBytes <= this.#queuedBytesMax / 2;
  }

  /** Another node is asked to go on with it: a transaction that was cut off comes again, whole. */
  restart(): void {
    this.#partial = [];
  }

  /** @param revision the store's as it began there. */
  placed(revision: number): void {
    if (this.nextRevision === 0) this.nextRevision = revision + 1;
  }

  add({ events, revision, moreOfRevision }: WatchEvents): void {
    for (const event of events) {
      if (event.modRevision < this.nextRevision) continue;
      const current = this.#partial[0]?.modRevision ?? event.modRevision;
      if (event.modRevision !== current) this.#deliver();
      this.#partial.push(event);
    }
    // What is left are views of the frame, kept no longer than it takes the other events to come.
    if (moreOfRevision) return;
    this.#deliver();
    this.nextRevision = Math.max(this.nextRevision, revision + 1);
  }

  /** The next transaction; null at the end. @throws what the watch ended with, once all before was consumed. */
  take(): Promise<WatchEvent[] | null> {
    const next = this.#queue.shift();
    if (next !== undefined) {
      for (const event of next) this.#queuedBytes -= bytesOf(event);
      return Promise.resolve(next);
    }
    if (this.#ending === null) {
      return new Promise((resolve, reject) => {
        this.#consumer = { resolve, reject };
      });
    }
    const { error } = this.#ending;
    return error === null ? Promise.resolve(null) : Promise.reject(error);
  }

  /** @param error null: the consumer wants no more. */
  end(error: unknown): void {
    if (this.#ending !== null) return;
    this.#ending = { error };
    if (error === null) this.#queue = [];
    const consumer = this.#consumer;
    this.#consumer = null;
    if (error === null) consumer?.resolve(null);
    else consumer?.reject(error);
  }

  #deliver(): void {
    const wire = this.#partial;
    if (wire.length === 0) return;
    this.#partial = [];
    this.nextRevision = (wire[0]?.modRevision ?? 0) + 1;
    const events = wire.map((event) => eventFromWire(event, this.#asText));
    const consumer = this.#consumer;
    if (consumer !== null) {
      this.#consumer = null;
      consumer.resolve(events);
      return;
    }
    this.#queue.push(events);
    for (const event of events) this.#queuedBytes += bytesOf(event);
  }
}

function eventFromWire(event: WireEvent, asText: boolean): WatchEvent {
  const revision = event.modRevision;
  const previous = event.previous === null ? null : keyValueFromReply(event.previous, asText);
  if (event.kind === "delete") {
    return { kind: "delete", revision, key: keyFromReply(event.key, asText), kv: null, previous };
  }
  const kv = keyValueFromReply(event, asText);
  return { kind: "put", revision, key: kv.key, kv, previous };
}

function bytesOf({ key, kv, previous }: WatchEvent): number {
  return EVENT_OVERHEAD_BYTES + key.length + (kv?.value.length ?? 0) + (previous?.value.length ?? 0);
}
