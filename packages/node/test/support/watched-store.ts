import { setImmediate as nextTurn } from "node:timers/promises";
import { CompactedError, StoreClosedError } from "@raftkv/store";
import type { Change, KeyValue } from "@raftkv/store";
import { decodeNodeFrame } from "@raftkv/protocol";
import type { NodeFrame, WatchEvent, WireReply } from "@raftkv/protocol";
import type { RequestRefusal } from "../../dist/group/log-proposal.js";
import type { WatchOutlet } from "../../dist/watch/watcher.js";
import type { WatchedStore } from "../../dist/watch/watches.js";

/** A put of a key with a value, or, with null, a delete. */
export type Write = readonly [key: string, value: Buffer | null];

/** A store of which a test says when the results of what is applied may be told. */
export class ScriptedStore implements WatchedStore {
  revision = 0;
  floor = 0;
  closed = false;
  reads = 0;
  onChanges: WatchedStore["onChanges"] = null;
  readonly all: Change[] = [];
  readonly #latest = new Map<string, Change>();
  /** Batches that were applied and not told; null: nobody was listening when it began. */
  readonly #untold: (Change[] | null)[] = [];

  /** One batch of transactions. */
  apply(transactions: readonly (readonly Write[])[]): void {
    const batch: Change[] = [];
    for (const writes of transactions) {
      this.revision += 1;
      for (const [sub, [name, value]] of writes.entries()) batch.push(this.#change(sub, name, value));
    }
    this.all.push(...batch);
    this.#untold.push(this.onChanges === null ? null : batch);
  }

  /** The results of every batch so far may be told. */
  tell(): void {
    for (const batch of this.#untold.splice(0)) if (batch !== null) this.onChanges?.(batch);
  }

  get(key: Uint8Array, options?: { readonly revision?: number }): KeyValue | null {
    const at = options?.revision ?? this.revision;
    if (at < this.floor) throw new CompactedError(at, this.floor);
    const name = Buffer.from(key).toString();
    const found = this.all.findLast((change) => change.revision <= at && nameOf(change) === name);
    if (found === undefined || found.kind === "delete") return null;
    const { value, createRevision, revision, version, lease } = found;
    return { key, value, createRevision, modRevision: revision, version, lease };
  }

  async changes(
    from: number,
    limit: { readonly maxChanges: number; readonly maxBytes: number },
  ): Promise<{ changes: readonly Change[]; nextRevision: number }> {
    this.reads += 1;
    if (from <= this.floor) throw new CompactedError(from, this.floor);
    const { revision } = this;
    await nextTurn();
    if (this.closed) throw new StoreClosedError();
    const changes: Change[] = [];
    let bytes = 0;
    for (const change of this.all) {
      if (change.revision < from || change.revision > revision) continue;
      const last = changes.at(-1)?.revision ?? change.revision;
      const reached = changes.length >= limit.maxChanges || bytes >= limit.maxBytes;
      if (reached && change.revision !== last) return { changes, nextRevision: last + 1 };
      changes.push(change);
      bytes += change.key.length + change.value.length;
    }
    return { changes, nextRevision: revision + 1 };
  }

  #change(sub: number, name: string, value: Buffer | null): Change {
    const before = this.#latest.get(name);
    const alive = before?.kind === "put";
    const change: Change = {
      revision: this.revision,
      sub,
      kind: value === null ? "delete" : "put",
      key: Buffer.from(name),
      value: value ?? Buffer.alloc(0),
      createRevision: value === null ? 0 : alive ? before.createRevision : this.revision,
      version: value === null ? 0 : (before?.version ?? 0) + 1,
      lease: 0,
      previousRevision: alive ? before.revision : 0,
    };
    this.#latest.set(name, change);
    return change;
  }
}

export const nameOf = ({ key }: { readonly key: Uint8Array }): string => Buffer.from(key).toString();

/** A client's connection that reads when a test says so. */
export class ScriptedOutlet implements WatchOutlet {
  closed = false;
  unsentBytes = 0;
  /** While true, what is sent is read at once. */
  reads = true;
  unsentBytesMost = 0;
  readonly replies: WireReply[] = [];
  readonly refusals: RequestRefusal[] = [];
  readonly frames: NodeFrame[] = [];

  answer(reply: WireReply): void {
    this.replies.push(reply);
  }

  refused(_requestId: number, refusal: RequestRefusal): void {
    this.refusals.push(refusal);
  }

  send(frame: Buffer): void {
    this.frames.push(decodeNodeFrame(frame));
    if (!this.reads) this.unsentBytes += frame.length;
    this.unsentBytesMost = Math.max(this.unsentBytesMost, this.unsentBytes);
  }

  readAll(): void {
    this.unsentBytes = 0;
  }

  /** Of one watch, in their order. */
  events(watchId: number): WatchEvent[] {
    return this.of(watchId).flatMap((frame) => (frame.kind === "events" ? frame.events : []));
  }

  of(watchId: number): NodeFrame[] {
    return this.frames.filter((frame) => "watchId" in frame && frame.watchId === watchId);
  }
}
