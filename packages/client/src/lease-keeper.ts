import { RaftKvError } from "@raftkv/protocol";
import type { LeaseGrantReply, LeaseKeepAliveReply } from "@raftkv/protocol";
import { leaseGrantCall, leaseKeepAliveCall, leaseRevokeCall } from "./calls/rare-calls.js";
import type { Dispatcher } from "./dispatcher.js";
import { Lease } from "./lease.js";
import type { AttachOptions, LeaseOptions } from "./lease.js";
import { toCallback, toMilliseconds, toSignal, toTtlMs } from "./options.js";
import type { RequestOptions } from "./options.js";
import { closedError } from "./outcome.js";

/** Fewer than any cluster takes in one request by default. */
const LEASES_IN_REQUEST_MAX = 512;

/** Leases that fall due within this are kept alive together. */
const COLLECT_MS = 10;

/** Grants leases and keeps them alive: those that are due together in one request. */
export class LeaseKeeper {
  readonly #dispatcher: Dispatcher;
  readonly #timeoutMs: number;
  readonly #leases = new Set<Lease>();
  #due: Lease[] = [];

  constructor(dispatcher: Dispatcher, timeoutMs: number) {
    this.#dispatcher = dispatcher;
    this.#timeoutMs = timeoutMs;
  }

  async grant(options: LeaseOptions): Promise<Lease> {
    // Nothing types a call from JavaScript: `lease()` arrives here as well.
    const ttlMs = toTtlMs((options as LeaseOptions | undefined)?.ttlSeconds ?? Number.NaN);
    toCallback("onLost", options.onLost);
    const timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#timeoutMs);
    const sentAt = performance.now();
    const granted = await this.#dispatcher.submit(leaseGrantCall(ttlMs), timeoutMs, toSignal(options.signal));
    return this.#keep({ ...(granted as LeaseGrantReply), sentAt }, options.onLost);
  }

  /** Keeps a lease alive that was granted to somebody else. @throws {RaftKvError} LEASE_NOT_FOUND. */
  async attach(lease: number, options: AttachOptions): Promise<Lease> {
    toCallback("onLost", options.onLost);
    const timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#timeoutMs);
    const sentAt = performance.now();
    const call = leaseKeepAliveCall([lease]);
    const reply = (await this.#dispatcher.submit(
      call,
      timeoutMs,
      toSignal(options.signal),
    )) as LeaseKeepAliveReply;
    const [ttlMs = 0] = reply.ttlsMs;
    if (ttlMs > 0) return this.#keep({ lease, ttlMs, sentAt }, options.onLost);
    throw new RaftKvError("LEASE_NOT_FOUND", `there is no lease ${lease}`, { lease });
  }

  async revoke(lease: number, options: RequestOptions): Promise<void> {
    const timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#timeoutMs);
    await this.#dispatcher.submit(leaseRevokeCall(lease), timeoutMs, toSignal(options.signal));
  }

  /** It is kept alive no more. */
  forget(lease: Lease): void {
    this.#leases.delete(lease);
  }

  /** A lease is due to be kept alive. */
  renew(lease: Lease): void {
    this.#due.push(lease);
    if (this.#due.length === 1) setTimeout(() => this.#renewAll(), COLLECT_MS);
  }

  /** The leases go on until their time has passed, but nobody keeps them alive any more. */
  close(): void {
    for (const lease of this.#leases) lease.lose(closedError());
  }

  #keep(
    granted: { readonly lease: number; readonly ttlMs: number; readonly sentAt: number },
    onLost: AttachOptions["onLost"],
  ): Lease {
    const lease = new Lease(this, granted, onLost ?? null);
    this.#leases.add(lease);
    return lease;
  }

  #renewAll(): void {
    const due = this.#due.filter((lease) => this.#leases.has(lease));
    this.#due = [];
    for (let from = 0; from < due.length; from += LEASES_IN_REQUEST_MAX) {
      this.#renew(due.slice(from, from + LEASES_IN_REQUEST_MAX));
    }
  }

  #renew(leases: readonly Lease[]): void {
    const sentAt = performance.now();
    const call = leaseKeepAliveCall(leases.map(({ id }) => id));
    // As long as any of them has time left; what is tried is tried again, by the lease's own timer.
    const timeoutMs = Math.max(1, Math.ceil(Math.max(...leases.map((lease) => lease.remainingMs))));
    this.#dispatcher.submit(call, Math.min(timeoutMs, this.#timeoutMs), null).then(
      (result) => this.#answered(leases, sentAt, (result as LeaseKeepAliveReply).ttlsMs),
      () => leases.forEach((lease) => lease.notRenewed()),
    );
  }

  #answered(leases: readonly Lease[], sentAt: number, ttlsMs: readonly number[]): void {
    for (const [i, lease] of leases.entries()) this.#kept(lease, sentAt, ttlsMs[i] ?? 0);
  }

  #kept(lease: Lease, sentAt: number, ttlMs: number): void {
    if (ttlMs > 0) {
      lease.renewed(sentAt, ttlMs);
      return;
    }
    const message = `the cluster does not know lease ${lease.id} any more`;
    lease.lose(new RaftKvError("LEASE_NOT_FOUND", message, { lease: lease.id }));
  }
}
