import { RaftKvError } from "@raftkv/protocol";
import type { LeaseKeeper } from "./lease-keeper.js";
import type { RequestOptions } from "./options.js";

export interface AttachOptions extends RequestOptions {
  /** Called once when the lease is lost, with the reason. Not after `revoke`. */
  readonly onLost?: (reason: RaftKvError) => void;
}

export interface LeaseOptions extends AttachOptions {
  /** How long the cluster keeps the lease when it hears nothing. */
  readonly ttlSeconds: number;
}

/**
 * A lease: keys that were put with it end with it. It keeps itself alive until it is revoked, or the client closes.
 * When that does not succeed in time, or the cluster does not know it any more, it is lost, for good.
 */
export class Lease {
  readonly id: number;
  readonly ttlMs: number;
  readonly #keeper: LeaseKeeper;
  readonly #onLost: ((reason: RaftKvError) => void) | null;
  readonly #lost = new AbortController();
  /** `performance.now()` until which the cluster keeps it for certain. */
  #untilMs: number;
  #isKept = true;
  #keepTimer: NodeJS.Timeout | null = null;
  #lossTimer: NodeJS.Timeout | null = null;

  /** Use `client.lease`. @param sentAt `performance.now()` as the grant was asked for. */
  constructor(
    keeper: LeaseKeeper,
    granted: { readonly lease: number; readonly ttlMs: number; readonly sentAt: number },
    onLost: ((reason: RaftKvError) => void) | null,
  ) {
    this.id = granted.lease;
    this.ttlMs = granted.ttlMs;
    this.#keeper = keeper;
    this.#onLost = onLost;
    this.#untilMs = granted.sentAt + granted.ttlMs;
    this.#rearm();
  }

  /** Aborted when the lease is lost, with a RaftKvError as its reason. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Milliseconds for which the cluster keeps it for certain, if nothing more is heard. */
  get remainingMs(): number {
    return this.#isKept ? Math.max(0, this.#untilMs - performance.now()) : 0;
  }

  /** Ends it now, and its keys with it. */
  async revoke(options: RequestOptions = {}): Promise<void> {
    this.stop();
    await this.#keeper.revoke(this.id, options);
  }

  /** Stops keeping it alive: it expires when its time has passed. The client's part; nothing is sent. */
  stop(): void {
    this.#isKept = false;
    this.#clear();
    this.#keeper.forget(this);
  }

  /** @internal The cluster has renewed it. @param sentAt `performance.now()` as that was asked for. */
  renewed(sentAt: number, ttlMs: number): void {
    if (!this.#isKept) return;
    this.#untilMs = Math.max(this.#untilMs, sentAt + ttlMs);
    this.#rearm();
  }

  /** @internal Nothing came of keeping it alive: once more, soon. */
  notRenewed(): void {
    if (this.#isKept) this.#rearm();
  }

  /** @internal It is gone. */
  lose(reason: RaftKvError): void {
    if (!this.#isKept) return;
    this.stop();
    this.#lost.abort(reason);
    this.#onLost?.(reason);
  }

  /** A third of its time behind the last renewal it is renewed; and when its time has passed without, it is lost. */
  #rearm(): void {
    this.#clear();
    const leftMs = this.#untilMs - performance.now();
    const spentMs = this.ttlMs - leftMs;
    const keepInMs = Math.max(this.ttlMs / 10, this.ttlMs / 3 - spentMs, 1);
    this.#keepTimer = timer(keepInMs, () => this.#keeper.renew(this));
    this.#lossTimer = timer(Math.max(1, leftMs), () => this.#expire());
  }

  #expire(): void {
    const leftMs = this.#untilMs - performance.now();
    if (leftMs > 0) {
      // Times beyond what a timer takes are waited for in parts.
      this.#lossTimer = timer(leftMs, () => this.#expire());
      return;
    }
    const message = `lease ${this.id} was not kept alive within its ${this.ttlMs} ms`;
    this.lose(new RaftKvError("LEASE_NOT_FOUND", message, { lease: this.id }));
  }

  #clear(): void {
    if (this.#keepTimer !== null) clearTimeout(this.#keepTimer);
    if (this.#lossTimer !== null) clearTimeout(this.#lossTimer);
    this.#keepTimer = null;
    this.#lossTimer = null;
  }
}

/** Timers of 2^31 ms or more fire at once (J). */
const TIMER_MS_MAX = 2 ** 31 - 1;

function timer(ms: number, onFire: () => void): NodeJS.Timeout {
  return setTimeout(onFire, Math.min(Math.ceil(ms), TIMER_MS_MAX));
}
