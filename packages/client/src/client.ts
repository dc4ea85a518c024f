import type { CatalogChangeReply, CatalogReply, CompactReply, LeaseInfo, Route } from "@raftkv/protocol";
import type { RouteChange } from "@raftkv/protocol";
import { Appender } from "./appender.js";
import type { AppenderOptions } from "./appender.js";
import { toBytes } from "./bytes.js";
import type { Bytes } from "./bytes.js";
import type { Call } from "./calls/call.js";
import { DeleteCall, GetCall, PutCall } from "./calls/point-calls.js";
import {
  catalogCall,
  catalogChangeCall,
  compactCall,
  leaseListCall,
  leaseRevokeCall,
  leaseTimeToLiveCall,
} from "./calls/rare-calls.js";
import { TxnCall } from "./calls/txn-call.js";
import type { Dispatcher } from "./dispatcher.js";
import { toKeyRange } from "./key-range.js";
import type { Range } from "./key-range.js";
import { keyFromReply } from "./key-value.js";
import type { KeyValue } from "./key-value.js";
import type { LeaderFinder } from "./leader-finder.js";
import { LeaderLeases } from "./leader-leases.js";
import { LeaseKeeper } from "./lease-keeper.js";
import type { AttachOptions, Lease, LeaseOptions } from "./lease.js";
import { acquire } from "./lock.js";
import type { Lock, LockOptions } from "./lock.js";
import { toLeaseId } from "./operations.js";
import type { PutFields } from "./operations.js";
import { isLinearizable, toCount, toMilliseconds, toSignal, toSize } from "./options.js";
import type { DeleteOptions, GetOptions, RequestOptions, Settings } from "./options.js";
import { Members } from "./members.js";
import { RangeReader } from "./range-query.js";
import type { RangeOptions, RangeResult } from "./range-query.js";
import { Txn } from "./txn.js";
import type { TxnResult } from "./txn.js";
import type { WatchSet } from "./watch-set.js";
import { Watch } from "./watch.js";
import type { WatchOptions } from "./watch.js";

export interface PutOptions extends RequestOptions, PutFields {}

export interface PutResult {
  /** The store's revision that the put made. */
  readonly revision: number;
  /** What was there before; absent unless it was asked for, null when there was nothing. */
  readonly previous?: KeyValue | null;
}

export interface DeleteResult {
  /** The store's revision behind the deletion; when nothing was deleted, the one that stood. */
  readonly revision: number;
  /** How many keys were deleted. */
  readonly deleted: number;
  /** What was deleted; absent unless it was asked for. */
  readonly previous?: readonly KeyValue[];
}

/** A lease as the cluster sees it. */
export interface LeaseStatus extends LeaseInfo {
  readonly keys: readonly Bytes[];
}

/** Which group holds which range of keys. */
export interface Catalog {
  readonly version: number;
  readonly routes: readonly Route[];
}

const NO_OPTIONS = {};
const DEFAULT_QUEUED_BYTES = 16 * 1024 * 1024;

/**
 * A cluster, as an application sees it. Safe to share: requests of all callers go over one connection, and those of
 * one turn of the event loop in one message. Requests that are under way at the same time may be carried out in any
 * order; who needs one, awaits the first before the second, or uses an appender.
 *
 * Every method rejects with a RaftKvError, told apart by its `code`. All codes but OUTCOME_UNKNOWN promise that
 * nothing was done. Uint8Arrays that were passed in must not change before the promise settles.
 */
export class Client {
  readonly #settings: Settings;
  readonly #finder: LeaderFinder;
  readonly #dispatcher: Dispatcher;
  readonly #watches: WatchSet;
  readonly #ranges: RangeReader;
  readonly #leases: LeaseKeeper;
  /** The members of the cluster, and who leads it. */
  readonly members: Members;
  /** Whether the leader answers reads by leases. */
  readonly leaderLeases: LeaderLeases;
  #closing: Promise<void> | null = null;

  /** Use `connect`. */
  constructor(settings: Settings, finder: LeaderFinder, dispatcher: Dispatcher, watches: WatchSet) {
    this.#settings = settings;
    this.#finder = finder;
    this.#dispatcher = dispatcher;
    this.#watches = watches;
    this.#ranges = new RangeReader(dispatcher, settings);
    const submit = (call: Call, given: RequestOptions): Promise<unknown> => this.#submit(call, given);
    this.members = new Members(submit);
    this.leaderLeases = new LeaderLeases(submit);
    this.#leases = new LeaseKeeper(dispatcher, settings.timeoutMs);
  }

  /**
   * @throws {RaftKvError} TOO_LARGE, INVALID_ARGUMENT, LEASE_NOT_FOUND; UNAVAILABLE, OVERLOADED, NO_SPACE, TIMEOUT:
   *   nothing was done;
   *   OUTCOME_UNKNOWN: it was sent, and no answer came (C1); CLOSED.
   */
  put(key: Bytes, value: Bytes, options: PutOptions = NO_OPTIONS): Promise<PutResult> {
    let call: Call;
    try {
      const keyAsText = options.previous === true ? typeof key === "string" : null;
      call = new PutCall(toBytes("key", key), toBytes("value", value), toLeaseId(options.lease), keyAsText);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#submit(call, options) as Promise<PutResult>;
  }

  /**
   * Null when there is no such key. It is sent again as often as it takes until the deadline.
   * @throws {RaftKvError} TOO_LARGE, INVALID_ARGUMENT, UNAVAILABLE, OVERLOADED, TIMEOUT, CLOSED; with a revision,
   *   COMPACTED and FUTURE_REVISION.
   */
  get<K extends Bytes>(key: K, options: GetOptions = NO_OPTIONS): Promise<KeyValue<KindOf<K>> | null> {
    let call: Call;
    try {
      const revision = toCount("revision", options.revision, 0);
      call = new GetCall(toBytes("key", key), key, isLinearizable(options.consistency), revision);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#submit(call, options) as Promise<KeyValue<KindOf<K>> | null>;
  }

  /** Deletes a key, or all keys of a range at one revision. @throws {RaftKvError} as `put`. */
  delete(keys: Bytes | Range, options: DeleteOptions = NO_OPTIONS): Promise<DeleteResult> {
    let call: Call;
    try {
      const { range, asText } = toKeyRange(keys);
      call = new DeleteCall(range, options.previous === true ? asText : null);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#submit(call, options) as Promise<DeleteResult>;
  }

  /**
   * The keys of a range in their order, read page by page as the loop goes on, all as they stood at one revision.
   * `timeoutMs` is that of each page.
   * @throws {RaftKvError} as `get`; COMPACTED when a loop took so long that its revision is gone.
   */
  async *range<K extends Bytes>(
    keys: Range<K>,
    options: RangeOptions = NO_OPTIONS,
  ): AsyncGenerator<KeyValue<KindOf<K>>, void, undefined> {
    for await (const { entries } of this.#ranges.pages(keys, options)) {
      yield* entries as KeyValue<KindOf<K>>[];
    }
  }

  /** The same at once. Ranges that may be large are better read with `range`. */
  async getRange<K extends Bytes>(
    keys: Range<K>,
    options: RangeOptions = NO_OPTIONS,
  ): Promise<RangeResult<KindOf<K>>> {
    const all: KeyValue[] = [];
    let revision = 0;
    let more = false;
    for await (const page of this.#ranges.pages(keys, options)) {
      for (const kv of page.entries) all.push(kv);
      ({ revision, more } = page);
    }
    return { revision, entries: all as KeyValue<KindOf<K>>[], more };
  }

  /** How many keys a range has. @throws {RaftKvError} as `get`. */
  count(keys: Range, options: GetOptions = NO_OPTIONS): Promise<number> {
    return this.#ranges.count(keys, options);
  }

  /** A transaction: `client.txn().if(…).then(…).else(…).commit()`. */
  txn(): Txn {
    return new Txn(
      (transaction, options) => this.#submit(new TxnCall(transaction), options) as Promise<TxnResult>,
    );
  }

  /** An ordered, pipelined stream of batches. */
  appender(options: AppenderOptions = NO_OPTIONS): Appender {
    return new Appender(this.#dispatcher, options);
  }

  /** Changes of a key, or of a range of keys. @throws {RaftKvError} INVALID_ARGUMENT; the rest where it is iterated. */
  watch<K extends Bytes>(keys: K | Range<K>, options: WatchOptions = NO_OPTIONS): Watch<KindOf<K>> {
    const { range, asText } = toKeyRange(keys);
    const query = {
      range,
      wantPrevious: options.previous === true,
      noPut: options.noPut === true,
      noDelete: options.noDelete === true,
    };
    return new Watch(this.#watches, query, {
      asText,
      fromRevision: toCount("fromRevision", options.fromRevision, 0),
      queuedBytesMax: toSize("maxQueuedBytes", options.maxQueuedBytes, DEFAULT_QUEUED_BYTES),
      signal: toSignal(options.signal),
    });
  }

  /** Grants a lease that keeps itself alive. @throws {RaftKvError} as `put`. */
  lease(options: LeaseOptions): Promise<Lease> {
    return this.#leases.grant(options);
  }

  /** Keeps a lease alive that somebody else was granted. @throws {RaftKvError} LEASE_NOT_FOUND; as `get`. */
  async attachLease(lease: number, options: AttachOptions = NO_OPTIONS): Promise<Lease> {
    return this.#leases.attach(toCount("lease", lease, 0), options);
  }

  /** Ends a lease that somebody holds, and its keys with it. @throws {RaftKvError} LEASE_NOT_FOUND; as `put`. */
  async revokeLease(lease: number, options: RequestOptions = NO_OPTIONS): Promise<DeleteResult> {
    const call = leaseRevokeCall(toCount("lease", lease, 0));
    return (await this.#submit(call, options)) as DeleteResult;
  }

  /** @throws {RaftKvError} LEASE_NOT_FOUND; as `get`. */
  async leaseStatus(lease: number, options: RequestOptions = NO_OPTIONS): Promise<LeaseStatus> {
    const call = leaseTimeToLiveCall(toCount("lease", lease, 0), (key) => keyFromReply(key, false));
    return (await this.#submit(call, options)) as LeaseStatus;
  }

  /** All leases of the cluster. @throws {RaftKvError} as `get`. */
  leases(options: RequestOptions = NO_OPTIONS): Promise<readonly LeaseInfo[]> {
    return this.#submit(leaseListCall(), options) as Promise<readonly LeaseInfo[]>;
  }

  /** Waits for a lock, and takes it. @throws {RaftKvError} TIMEOUT; LEASE_NOT_FOUND: its lease was lost; as `put`. */
  lock(name: string, options: LockOptions = NO_OPTIONS): Promise<Lock> {
    return acquire(this, name, options);
  }

  /**
   * Lets the cluster forget what was before `revision`.
   * @throws {RaftKvError} COMPACTED: that was done before; FUTURE_REVISION; as `put`.
   */
  async compact(revision: number, options: RequestOptions = NO_OPTIONS): Promise<{ readonly floor: number }> {
    const call = compactCall(toCount("revision", revision, 0));
    const { floor } = (await this.#submit(call, options)) as CompactReply;
    return { floor };
  }

  /** @throws {RaftKvError} as `get`. */
  catalog(options: RequestOptions = NO_OPTIONS): Promise<Catalog> {
    return this.#submit(catalogCall(), options) as Promise<CatalogReply>;
  }

  /**
   * Replaces the whole catalog, if it still has the version that is expected.
   * @throws {RaftKvError} CATALOG_VERSION_CONFLICT; as `put`.
   */
  async changeCatalog(
    expectedVersion: number,
    routes: readonly RouteChange[],
    options: RequestOptions = NO_OPTIONS,
  ): Promise<{ readonly version: number }> {
    const call = catalogChangeCall(toCount("expectedVersion", expectedVersion, 0), routes);
    const { version } = (await this.#submit(call, options)) as CatalogChangeReply;
    return { version };
  }

  /**
   * Ends what is under way: writes that were sent with OUTCOME_UNKNOWN, everything else with CLOSED, as will every
   * later call (C4). Resolves when the connections are gone. Calling it again gives the same promise.
   */
  close(): Promise<void> {
    if (this.#closing === null) {
      this.#leases.close();
      this.#watches.close();
      this.#dispatcher.close();
      this.#closing = this.#finder.close();
    }
    return this.#closing;
  }

  /** Not `async`, and without a closure: one promise a request, and few objects. */
  #submit(call: Call, options: RequestOptions): Promise<unknown> {
    let timeoutMs: number;
    let signal: AbortSignal | null;
    try {
      timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#settings.timeoutMs);
      signal = toSignal(options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#dispatcher.submit(call, timeoutMs, signal);
  }
}

/** A key comes back in the kind in which it was asked for. */
export type KindOf<K extends Bytes> = K extends string ? string : Uint8Array;
