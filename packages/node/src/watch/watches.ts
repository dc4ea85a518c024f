import { Op, watchCancelReply, watchReply } from "@raftkv/protocol";
import type { WatchCancelRequest, WatchRequest } from "@raftkv/protocol";
import type { Change, Store } from "@raftkv/store";
import type { RequestRefusal } from "../group/log-proposal.js";
import { CatchingUp } from "./catching-up.js";
import { PreviousValues } from "./previous-values.js";
import { ProgressMarks } from "./progress-marks.js";
import { WatchIndex } from "./watch-index.js";
import { Watcher } from "./watcher.js";
import type { OutletLimits, WatchOutlet } from "./watcher.js";

/** Changes whose watches are looked up at one time. */
const SLICE_CHANGES = 256;
/** Events that are sent while the entries behind them wait; the watches that would get more are behind then (C5). */
const EVENTS_PER_BATCH = 4_096;

/** What is watched. */
export type WatchedStore = Pick<Store, "changes" | "get" | "revision" | "onChanges">;

export interface WatchesOptions {
  readonly limits: OutletLimits;
  readonly watchesPerConnection: number;
  readonly progressMs: number;
  /** The store that serves; null when there is none, also for the moment in which a snapshot takes its place (S10). */
  readonly store: () => WatchedStore | null;
  /** Why this node serves no watch; null when it does, or will as soon as there is a store. */
  readonly whyNot: () => RequestRefusal | null;
  readonly onFailed: (error: unknown) => void;
}

/**
 * All watches of this node (F6). Every replica serves them out of its own store. Live ones are told what was applied,
 * once its results may be told (C8), in the turn in which the store says so; `told` is how far that is. All others read the store
 * from where they stand until they have reached `told`. Since either step is one turn, nothing is left out and nothing comes twice.
 */
export class Watches {
  readonly #options: WatchesOptions;
  readonly #live = new WatchIndex<Watcher>();
  readonly #catchingUp: CatchingUp;
  readonly #progress: ProgressMarks;
  readonly #ofOutlet = new Map<WatchOutlet, Map<number, Watcher>>();
  readonly #blocked = new Map<WatchOutlet, Set<Watcher>>();
  #size = 0;
  #eventsSent = 0;
  /** The last revision whose results may be told. */
  #told = 0;

  constructor(options: WatchesOptions) {
    this.#options = options;
    this.#progress = new ProgressMarks(options.progressMs);
    this.#catchingUp = new CatchingUp({
      store: options.store,
      told: () => this.#told,
      onCaughtUp: (watcher) => {
        this.#goLive(watcher);
        if (watcher.wantsProgress) watcher.promise(this.#told);
      },
      onFull: (watcher) => this.#block(watcher),
      onCompacted: (watcher, { floor, message }) => {
        watcher.compacted(floor, message);
        this.#ended(watcher);
      },
      onDelivered: (events) => {
        this.#eventsSent += events;
      },
      onFailed: options.onFailed,
    });
  }

  /** Watches that are open. */
  get size(): number {
    return this.#size;
  }

  /** Those among them that have not seen all that was told. */
  get behind(): number {
    let blocked = 0;
    for (const watchers of this.#blocked.values()) blocked += watchers.size;
    return this.#catchingUp.size + blocked;
  }

  get eventsSent(): number {
    return this.#eventsSent;
  }

  serve(request: WatchRequest | WatchCancelRequest, outlet: WatchOutlet): void {
    if (outlet.closed) return;
    const { requestId, watchId } = request;
    if (request.op === Op.watchCancel) {
      // One that the node has ended meanwhile is cancelled as well.
      const watcher = this.#ofOutlet.get(outlet)?.get(watchId);
      if (watcher !== undefined) this.#cancel(watcher);
      outlet.answer(watchCancelReply(requestId), 0);
      return;
    }
    const refusal = this.#options.whyNot() ?? this.#refusalOf(watchId, outlet);
    if (refusal === null) this.#begin(request, outlet);
    else outlet.refused(requestId, refusal);
  }

  /** The connection is gone, and so is everything that it watched. */
  disconnected(outlet: WatchOutlet): void {
    const watchers = this.#ofOutlet.get(outlet);
    if (watchers !== undefined) for (const watcher of watchers.values()) this.#cancel(watcher);
  }

  /**
   * The results of everything that is applied may be told now: after the opening of the store, after each batch, and
   * after a snapshot took the store's place. Finds what the store did not tell: a snapshot, or a batch that was
   * under way when the first watch came.
   */
  applied(): void {
    const store = this.#options.store();
    if (store === null) return;
    this.#attach();
    const { revision } = store;
    if (revision > this.#told) {
      this.#missed(revision);
      this.#told = revision;
    }
    this.#catchingUp.start();
  }

  tick(nowMs: number): void {
    for (const [outlet, watchers] of this.#blocked) {
      if (outlet.unsentBytes * 2 > this.#options.limits.unsentBytes) continue;
      this.#blocked.delete(outlet);
      for (const watcher of watchers) this.#place(watcher);
    }
    this.#catchingUp.start();
    this.#progress.tick(nowMs, (watcher) => (watcher.state === "live" ? this.#told : watcher.revision - 1));
  }

  #refusalOf(watchId: number, outlet: WatchOutlet): RequestRefusal | null {
    const watchers = this.#ofOutlet.get(outlet);
    if (watchers === undefined) return null;
    const { watchesPerConnection: limit } = this.#options;
    if (watchers.size >= limit) {
      return { code: "TOO_LARGE", message: `${limit} watches are open on this connection`, limit };
    }
    if (!watchers.has(watchId)) return null;
    return { code: "INVALID_ARGUMENT", message: `watch ${watchId} is open on this connection already` };
  }

  #begin(request: WatchRequest, outlet: WatchOutlet): void {
    const { fromRevision, requestId } = request;
    const from = fromRevision === 0 ? this.#told + 1 : fromRevision;
    const watcher = new Watcher(request, from, outlet, this.#options.limits);
    outlet.answer(watchReply(requestId, this.#told), 0);
    let watchers = this.#ofOutlet.get(outlet);
    if (watchers === undefined) {
      watchers = new Map();
      this.#ofOutlet.set(outlet, watchers);
    }
    watchers.set(watcher.watchId, watcher);
    this.#size += 1;
    this.#progress.add(watcher, performance.now());
    this.#attach();
    this.#place(watcher);
    this.#catchingUp.start();
  }

  /** Nothing is made of a batch's changes while nobody watches. */
  #attach(): void {
    const store = this.#options.store();
    if (store !== null) store.onChanges = this.#size > 0 ? this.#changed : null;
  }

  readonly #changed = (changes: readonly Change[]): void => {
    const store = this.#options.store();
    const first = changes[0];
    const last = changes.at(-1);
    if (store === null || first === undefined || last === undefined) return;
    try {
      if (first.revision > this.#told + 1) this.#missed(first.revision - 1);
      this.#told = last.revision;
      this.#tellLive(changes, new PreviousValues(store));
      this.#catchingUp.start();
    } catch (error) {
      this.#options.onFailed(error);
    }
  };

  #tellLive(changes: readonly Change[], previous: PreviousValues): void {
    let left = EVENTS_PER_BATCH;
    for (let at = 0, end = 0; at < changes.length; at = end) {
      // A revision that is cut in two would be told in two pieces.
      end = endOfRevision(changes, at + SLICE_CHANGES);
      const matching = this.#live.matching(changes.slice(at, end), (watcher, change) =>
        watcher.takes(change),
      );
      for (const [watcher, wanted] of matching) {
        const sent = left <= 0 || watcher.isFull ? 0 : watcher.deliver(wanted, previous);
        left -= sent;
        this.#eventsSent += sent;
        const stopped = wanted[sent];
        if (stopped === undefined) continue;
        this.#live.remove(watcher);
        watcher.seenBefore(stopped.revision, stopped.sub);
        this.#place(watcher);
      }
    }
  }

  /** Live ones were not told what came up to `revision`: they read it. */
  #missed(revision: number): void {
    const next = this.#told + 1;
    for (const watchers of this.#ofOutlet.values()) {
      for (const watcher of watchers.values()) {
        if (watcher.state !== "live" || watcher.revision > revision) continue;
        this.#live.remove(watcher);
        watcher.seenBefore(Math.max(watcher.revision, next));
        this.#catchingUp.add(watcher);
      }
    }
  }

  /** Where it belongs by what it has seen and by what its client reads. */
  #place(watcher: Watcher): void {
    if (watcher.revision > this.#told) this.#goLive(watcher);
    else if (watcher.isFull) this.#block(watcher);
    else this.#catchingUp.add(watcher);
  }

  #goLive(watcher: Watcher): void {
    watcher.state = "live";
    this.#live.add(watcher);
  }

  #block(watcher: Watcher): void {
    watcher.state = "blocked";
    const others = this.#blocked.get(watcher.outlet);
    if (others === undefined) this.#blocked.set(watcher.outlet, new Set([watcher]));
    else others.add(watcher);
  }

  #cancel(watcher: Watcher): void {
    switch (watcher.state) {
      case "live":
        this.#live.remove(watcher);
        break;
      case "behind":
        this.#catchingUp.remove(watcher);
        break;
      case "blocked": {
        const others = this.#blocked.get(watcher.outlet);
        if (others?.delete(watcher) === true && others.size === 0) this.#blocked.delete(watcher.outlet);
        break;
      }
      case "ended":
        return;
    }
    this.#ended(watcher);
  }

  /** It stands in no list any more but those of the connection and of the marks. */
  #ended(watcher: Watcher): void {
    watcher.state = "ended";
    this.#progress.remove(watcher);
    const watchers = this.#ofOutlet.get(watcher.outlet);
    if (watchers?.delete(watcher.watchId) === true) this.#size -= 1;
    if (watchers?.size === 0) this.#ofOutlet.delete(watcher.outlet);
    this.#attach();
  }
}

/** The first place at or behind `at` where another revision begins. */
function endOfRevision(changes: readonly Change[], at: number): number {
  let end = Math.min(at, changes.length);
  while (end < changes.length && changes[end]?.revision === changes[end - 1]?.revision) end += 1;
  return end;
}
