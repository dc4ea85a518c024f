import type { ErrorCode, ErrorFact } from "./error-codes.js";
import type { LeaderHint } from "./errors.js";
import type { KeyValue } from "./key-value.js";
import type { LeaderLeases } from "./leader-leases.js";
import type { MemberInfo } from "./members.js";
import type { Op, REPLY_ERROR } from "./op.js";
import type { RouteChange } from "./request.js";

interface ReplyFields {
  readonly requestId: number;
}

/** Bytes in decoded replies are views of the frame (J). */
export interface PutReply extends ReplyFields {
  readonly op: typeof Op.put;
  readonly revision: number;
  /** What was there before; null when there was nothing, or when it was not asked for. */
  readonly previous: KeyValue | null;
}
export interface GetReply extends ReplyFields {
  readonly op: typeof Op.get;
  /** The store's revision that was read. */
  readonly revision: number;
  /** Null when there is no such key, and the four counters are 0. */
  readonly value: Buffer | null;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: number;
}
export interface DeleteReply extends ReplyFields {
  readonly op: typeof Op.delete;
  /** The store's revision behind the deletion; the one before it when there was nothing to delete. */
  readonly revision: number;
  /** Keys that were deleted. */
  readonly deleted: number;
  /** What was deleted, if it was asked for. */
  readonly previous: readonly KeyValue[];
}
/** What a range found. */
export interface RangeFound {
  /** In the order that was asked for; none when only the number was asked for. */
  readonly entries: readonly KeyValue[];
  /** Whether keys of the range are left out, because of the limit or of the reply's size. */
  readonly more: boolean;
  /** All keys of the range that match; null when the node did not count them. */
  readonly count: number | null;
}
export interface RangeReply extends ReplyFields, RangeFound {
  readonly op: typeof Op.range;
  /** The revision that was read: pages that follow ask for it. */
  readonly revision: number;
}

/** What became of one operation of the branch that was carried out. */
export type TxnOpResult =
  | { readonly kind: "put"; readonly previous: KeyValue | null }
  | { readonly kind: "delete"; readonly deleted: number; readonly previous: readonly KeyValue[] }
  | ({ readonly kind: "get" } & RangeFound)
  | ({ readonly kind: "txn" } & TxnResult);

export interface TxnResult {
  /** Whether all compares held, and so `then` was carried out. */
  readonly succeeded: boolean;
  /** One for each operation of that branch, in its order. */
  readonly results: readonly TxnOpResult[];
}
export interface TxnReply extends ReplyFields, TxnResult {
  readonly op: typeof Op.txn;
  /** The store's revision behind it; it counts one up when anything was changed. */
  readonly revision: number;
}
export interface LeaseGrantReply extends ReplyFields {
  readonly op: typeof Op.leaseGrant;
  readonly lease: number;
  readonly ttlMs: number;
}
export interface LeaseRevokeReply extends ReplyFields {
  readonly op: typeof Op.leaseRevoke;
  /** The store's revision behind the deletion of its keys. */
  readonly revision: number;
  /** Keys that were attached to it. */
  readonly deleted: number;
}
export interface LeaseKeepAliveReply extends ReplyFields {
  readonly op: typeof Op.leaseKeepAlive;
  /** For each lease of the request the time that it has again, in milliseconds; 0 when there is no such lease. */
  readonly ttlsMs: readonly number[];
}
export interface LeaseTimeToLiveReply extends ReplyFields {
  readonly op: typeof Op.leaseTimeToLive;
  readonly ttlMs: number;
  readonly remainingMs: number;
  /** The keys that are attached to it; none when they were not asked for. */
  readonly keys: readonly Uint8Array[];
}
export interface LeaseInfo {
  readonly lease: number;
  readonly ttlMs: number;
  readonly remainingMs: number;
}
export interface LeaseListReply extends ReplyFields {
  readonly op: typeof Op.leaseList;
  readonly leases: readonly LeaseInfo[];
}
export interface SessionOpenReply extends ReplyFields {
  readonly op: typeof Op.sessionOpen;
  readonly session: number;
  readonly ttlMs: number;
}
export interface SessionCloseReply extends ReplyFields {
  readonly op: typeof Op.sessionClose;
}
export interface SessionKeepAliveReply extends ReplyFields {
  readonly op: typeof Op.sessionKeepAlive;
  readonly ttlMs: number;
}
export interface CompactReply extends ReplyFields {
  readonly op: typeof Op.compact;
  /** The floor from now on: the oldest revision that can be read. */
  readonly floor: number;
}
/** A range of keys and the group that holds it. */
export interface Route extends RouteChange {
  /** Counts the changes of this route, from 1. */
  readonly version: number;
}
export interface CatalogReply extends ReplyFields {
  readonly op: typeof Op.catalog;
  readonly version: number;
  readonly routes: readonly Route[];
}
export interface CatalogChangeReply extends ReplyFields {
  readonly op: typeof Op.catalogChange;
  /** The catalog's version from now on. */
  readonly version: number;
}
export interface WatchReply extends ReplyFields {
  readonly op: typeof Op.watch;
  /** The store's revision as the watch began: a watch from now on sees what comes after it. */
  readonly revision: number;
}
export interface WatchCancelReply extends ReplyFields {
  readonly op: typeof Op.watchCancel;
}
export interface MemberListReply extends ReplyFields {
  readonly op: typeof Op.memberList;
  readonly members: readonly MemberInfo[];
}
export interface MemberChangeReply extends ReplyFields {
  readonly op: typeof Op.memberChange;
  /** As they are behind the change. */
  readonly members: readonly MemberInfo[];
}
export interface LeaderTransferReply extends ReplyFields {
  readonly op: typeof Op.leaderTransfer;
  /** Who leads from now on. */
  readonly leader: LeaderHint;
}
export interface LeaderLeasesReply extends ReplyFields {
  /** To a change: as they are behind it. */
  readonly op: typeof Op.leaderLeasesShow | typeof Op.leaderLeasesSet;
  readonly leases: LeaderLeases;
}

/** What a node says instead of an answer, to a request or at the end of a watch. */
export interface Refusal extends Readonly<Record<ErrorFact, number | null>> {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly message: string;
  readonly leader: LeaderHint | null;
  readonly retryAfterMs: number | null;
  readonly limit: number | null;
}
export interface ErrorReply extends ReplyFields, Refusal {
  readonly op: typeof REPLY_ERROR;
}

export type Reply =
  | PutReply
  | GetReply
  | DeleteReply
  | RangeReply
  | TxnReply
  | LeaseGrantReply
  | LeaseRevokeReply
  | LeaseKeepAliveReply
  | LeaseTimeToLiveReply
  | LeaseListReply
  | SessionOpenReply
  | SessionCloseReply
  | SessionKeepAliveReply
  | CompactReply
  | CatalogReply
  | CatalogChangeReply
  | WatchReply
  | WatchCancelReply
  | MemberListReply
  | MemberChangeReply
  | LeaderTransferReply
  | LeaderLeasesReply
  | ErrorReply;
