import {
  Op,
  REPLY_ERROR,
  catalogReply,
  compactReply,
  deleteReply,
  encodeWatchEnd,
  encodeWatchEvents,
  errorReply,
  getReply,
  leaseGrantReply,
  leaseKeepAliveReply,
  leaseListReply,
  leaseRevokeReply,
  leaseTimeToLiveReply,
  putReply,
  rangeReply,
  sessionCloseReply,
  sessionKeepAliveReply,
  sessionOpenReply,
  txnReply,
  watchCancelReply,
  watchReply,
} from "@raftkv/protocol";
import type {
  ClientRequest,
  Compare,
  ErrorCode,
  KeyRange,
  KeyValue,
  RangeFound,
  RangeSelection,
  Txn,
  TxnOpResult,
  TxnResult,
  WatchEvent,
  WatchRequest,
  WireReply,
} from "@raftkv/protocol";
import type { FakeNode, Origin, Script } from "./fake-node.js";

interface Session {
  readonly results: Map<number, WireReply>;
  answeredBelow: number;
}

interface Watcher {
  readonly request: WatchRequest;
  readonly node: FakeNode;
  readonly connection: object;
  readonly send: (frame: Buffer) => void;
}

type Refused = { readonly code: Exclude<ErrorCode, "CLOSED">; readonly lease?: number };

const WRITES: ReadonlySet<number> = new Set([
  Op.put,
  Op.delete,
  Op.txn,
  Op.leaseGrant,
  Op.leaseRevoke,
  Op.compact,
]);

/**
 * What several fake nodes have in common: keys with their history, sessions with their results, leases, watches. It is
 * carried out in the simplest way that keeps the cluster's promises, so that a client is held to them.
 */
export class FakeState {
  revision = 0;
  floor = 0;
  leader: FakeNode | null = null;
  readonly keys = new Map<string, KeyValue>();
  readonly sessions = new Map<number, Session>();
  readonly leases = new Map<number, { ttlMs: number }>();
  /** Every event, in its order. */
  readonly history: WatchEvent[] = [];
  /** Numbers of the writes that were carried out, in their order: a number twice would be a write done twice. */
  readonly done: number[] = [];
  watchers: Watcher[] = [];
  /** Events in one frame at most; a transaction is cut to pieces then. */
  eventBytes = 1_000_000;
  #lastId = 100;
  #term = 0;

  /** Makes `node` the leader, and tells the others. */
  lead(node: FakeNode, ...others: readonly FakeNode[]): void {
    this.#term += 1;
    this.leader = node;
    node.leader = node.asLeader(this.#term);
    for (const one of [node, ...others]) {
      one.leader = node.leader;
      one.script = this.script();
      one.notice(node.leader);
    }
  }

  /** What a node does that has this state. */
  script(): Script {
    return (request, node, origin) => {
      if (request.op === Op.watch) return this.#watch(request, node, origin);
      if (request.op === Op.watchCancel) {
        const { connection } = origin;
        this.watchers = this.watchers.filter(
          (one) => one.request.watchId !== request.watchId || one.connection !== connection,
        );
        return watchCancelReply(request.requestId);
      }
      if (node !== this.leader) return refused(request, { code: "NOT_LEADER" }, node.leader);
      return WRITES.has(request.op) ? this.#write(request, origin) : this.#serve(request, origin);
    };
  }

  expireSessions(): void {
    this.sessions.clear();
  }

  compact(revision: number): void {
    this.floor = revision;
  }

  /** A put that nobody asked for. */
  put(key: string, value: string): void {
    this.#commit([this.#put(Buffer.from(key), Buffer.from(value), 0, this.revision + 1)]);
  }

  #write(request: ClientRequest, { session: place }: Origin): WireReply {
    if (place === null) return this.#serve(request, null);
    const session = this.sessions.get(place.session);
    if (session === undefined) return refused(request, { code: "SESSION_EXPIRED" });
    session.answeredBelow = Math.max(session.answeredBelow, place.answeredBelow);
    for (const number of session.results.keys()) {
      if (number < session.answeredBelow) session.results.delete(number);
    }
    const number = request.requestId;
    if (number < session.answeredBelow) return refused(request, { code: "OUTCOME_UNKNOWN" });
    const first = session.results.get(number);
    if (first !== undefined) return first;
    const predecessor = request.op === Op.txn ? request.predecessor : 0;
    const before = session.results.get(predecessor);
    if (predecessor >= session.answeredBelow && before === undefined) {
      return refused(request, { code: "OUT_OF_ORDER" });
    }
    const isBehindFailure = before !== undefined && before[1] === REPLY_ERROR;
    const reply = isBehindFailure
      ? refused(request, { code: "PREDECESSOR_FAILED" })
      : this.#serve(request, null);
    session.results.set(number, reply);
    return reply;
  }

  #serve(request: ClientRequest, origin: Origin | null): WireReply {
    const id = request.requestId;
    if (WRITES.has(request.op)) this.done.push(id);
    switch (request.op) {
      case Op.put: {
        const previous = this.keys.get(nameOf(request.key)) ?? null;
        if (request.lease !== 0 && !this.leases.has(request.lease)) {
          return refused(request, { code: "LEASE_NOT_FOUND", lease: request.lease });
        }
        this.#commit([this.#put(request.key, request.value, request.lease, this.revision + 1)]);
        return putReply(id, this.revision, request.wantPrevious ? previous : undefined);
      }
      case Op.get:
        return getReply(id, this.revision, this.keys.get(nameOf(request.key)) ?? null);
      case Op.delete: {
        const gone = this.#within(request.range);
        this.#commit(gone.map((kv) => this.#delete(kv, this.revision + 1)));
        return deleteReply(id, this.revision, gone.length, request.wantPrevious ? gone : []);
      }
      case Op.range:
        return rangeReply(id, request.revision || this.revision, this.#found(request));
      case Op.txn: {
        const events: WatchEvent[] = [];
        const result = this.#txn(request, events);
        if ("code" in result) return refused(request, result);
        this.#commit(events);
        return txnReply(id, this.revision, result);
      }
      case Op.leaseGrant:
        this.#lastId += 1;
        this.leases.set(this.#lastId, { ttlMs: request.ttlMs });
        return leaseGrantReply(id, this.#lastId, request.ttlMs);
      case Op.leaseRevoke: {
        if (!this.leases.has(request.lease)) {
          return refused(request, { code: "LEASE_NOT_FOUND", lease: request.lease });
        }
        return leaseRevokeReply(id, this.revision, this.endLease(request.lease));
      }
      case Op.leaseKeepAlive:
        return leaseKeepAliveReply(
          id,
          request.leases.map((lease) => this.leases.get(lease)?.ttlMs ?? 0),
        );
      case Op.leaseTimeToLive: {
        const lease = this.leases.get(request.lease);
        if (lease === undefined) return refused(request, { code: "LEASE_NOT_FOUND", lease: request.lease });
        const keys = [...this.keys.values()].filter((kv) => kv.lease === request.lease);
        const info = { ttlMs: lease.ttlMs, remainingMs: lease.ttlMs };
        return leaseTimeToLiveReply(
          id,
          info,
          keys.map(({ key }) => key),
        );
      }
      case Op.leaseList: {
        const all = [...this.leases].map(([lease, { ttlMs }]) => ({ lease, ttlMs, remainingMs: ttlMs }));
        return leaseListReply(id, all);
      }
      case Op.sessionOpen:
        this.#lastId += 1;
        this.sessions.set(this.#lastId, { results: new Map(), answeredBelow: 1 });
        return sessionOpenReply(id, this.#lastId, request.ttlMs);
      case Op.sessionKeepAlive:
        if (!this.sessions.has(origin?.session?.session ?? 0)) {
          return refused(request, { code: "SESSION_EXPIRED" });
        }
        return sessionKeepAliveReply(id, 60_000);
      case Op.sessionClose:
        this.sessions.delete(origin?.session?.session ?? 0);
        return sessionCloseReply(id);
      case Op.compact:
        this.floor = request.revision;
        return compactReply(id, this.floor);
      case Op.catalog: {
        const all = { routeId: 1, start: Buffer.alloc(0), end: null, groupId: 1, version: 1 };
        return catalogReply(id, 1, [all]);
      }
      default:
        throw new Error(`the fake state knows no operation ${request.op}`);
    }
  }

  /** Returns how many keys ended with it. */
  endLease(lease: number): number {
    this.leases.delete(lease);
    const gone = [...this.keys.values()].filter((kv) => kv.lease === lease);
    this.#commit(gone.map((kv) => this.#delete(kv, this.revision + 1)));
    return gone.length;
  }

  #txn(txn: Txn, events: WatchEvent[]): TxnResult | Refused {
    const succeeded = txn.compares.every((compare) => this.#holds(compare));
    const results: TxnOpResult[] = [];
    for (const op of succeeded ? txn.then : txn.else) {
      switch (op.kind) {
        case "put": {
          if (op.lease !== 0 && !this.leases.has(op.lease)) {
            return { code: "LEASE_NOT_FOUND", lease: op.lease };
          }
          const previous = this.keys.get(nameOf(op.key)) ?? null;
          events.push(this.#put(op.key, op.value, op.lease, this.revision + 1));
          results.push({ kind: "put", previous: op.wantPrevious ? previous : null });
          break;
        }
        case "delete": {
          const gone = this.#within(op.range);
          events.push(...gone.map((kv) => this.#delete(kv, this.revision + 1)));
          results.push({ kind: "delete", deleted: gone.length, previous: op.wantPrevious ? gone : [] });
          break;
        }
        case "get":
          results.push({ kind: "get", ...this.#found(op) });
          break;
        case "txn": {
          const nested = this.#txn(op, events);
          if ("code" in nested) return nested;
          results.push({ kind: "txn", ...nested });
          break;
        }
      }
    }
    return { succeeded, results };
  }

  #holds({ range, target, relation, operand }: Compare): boolean {
    const [kv] = this.#within(range);
    if (target === "value") return kv !== undefined && Buffer.compare(kv.value, operand) === 0;
    const fields = {
      version: kv?.version,
      create: kv?.createRevision,
      mod: kv?.modRevision,
      lease: kv?.lease,
    };
    const value = fields[target] ?? 0;
    if (relation === "=") return value === operand;
    if (relation === "!=") return value !== operand;
    return relation === "<" ? value < operand : value > operand;
  }

  #within({ start, end }: KeyRange): KeyValue[] {
    const all = [...this.keys.values()].filter(
      ({ key }) => Buffer.compare(key, start) >= 0 && (end === null || Buffer.compare(key, end) < 0),
    );
    return all.sort((left, right) => Buffer.compare(left.key, right.key));
  }

  /** Pages of at most three. */
  #found(selection: RangeSelection): RangeFound {
    const { range, limit, order, keysOnly, countOnly, maxCreateRevision: created } = selection;
    const all = this.#within(range).filter((kv) => created === 0 || kv.createRevision <= created);
    if (order === "descending") all.reverse();
    if (countOnly) return { entries: [], more: false, count: all.length };
    const entries = all.slice(0, limit === 0 ? 3 : Math.min(3, limit));
    const shown = keysOnly ? entries.map((kv) => ({ ...kv, value: Buffer.alloc(0) })) : entries;
    return { entries: shown, more: entries.length < all.length, count: null };
  }

  #put(key: Uint8Array, value: Uint8Array, lease: number, revision: number): WatchEvent {
    const before = this.keys.get(nameOf(key)) ?? null;
    const kv: KeyValue = {
      key: Buffer.from(key),
      value: Buffer.from(value),
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      lease,
    };
    this.keys.set(nameOf(key), kv);
    return { kind: "put", ...kv, previous: before };
  }

  #delete(kv: KeyValue, revision: number): WatchEvent {
    this.keys.delete(nameOf(kv.key));
    return { kind: "delete", key: kv.key, modRevision: revision, previous: kv };
  }

  #commit(events: readonly WatchEvent[]): void {
    if (events.length === 0) return;
    this.revision += 1;
    this.history.push(...events);
    for (const watcher of this.watchers) this.#tell(watcher, events);
  }

  #watch(request: WatchRequest, node: FakeNode, { send, connection }: Origin): WireReply {
    if (request.fromRevision !== 0 && request.fromRevision <= this.floor) {
      const compacted = { code: "COMPACTED", message: "it was compacted away", retryable: false } as const;
      send(encodeWatchEnd(request.watchId, compacted, { floor: this.floor }));
      return watchReply(request.requestId, this.revision);
    }
    const watcher = { request, node, connection, send };
    this.watchers.push(watcher);
    if (request.fromRevision !== 0) {
      this.#tell(
        watcher,
        this.history.filter((event) => event.modRevision >= request.fromRevision),
      );
    }
    return watchReply(request.requestId, this.revision);
  }

  #tell({ request, send }: Watcher, all: readonly WatchEvent[]): void {
    const { start, end } = request.range;
    const events = all.filter(
      ({ key, kind }) =>
        Buffer.compare(key, start) >= 0 &&
        (end === null || Buffer.compare(key, end) < 0) &&
        !(kind === "put" ? request.noPut : request.noDelete),
    );
    const told = events.map((event) => (request.wantPrevious ? event : { ...event, previous: null }));
    for (const frame of encodeWatchEvents(request.watchId, told, this.eventBytes)) send(frame);
  }
}

function refused(
  request: ClientRequest,
  { code, lease }: Refused,
  leader: FakeNode["leader"] = null,
): WireReply {
  const retryable = code !== "LEASE_NOT_FOUND" && code !== "OUTCOME_UNKNOWN";
  const facts = { leader, ...(lease === undefined ? {} : { lease }) };
  return errorReply(request.requestId, { code, message: `refused with ${code}`, retryable }, facts);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}
