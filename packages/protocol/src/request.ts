import type { KeyRange } from "./key-range.js";
import type { MembersChange } from "./members.js";
import type { Op } from "./op.js";
import type { RangeSelection, Txn } from "./transaction.js";

interface RequestFields {
  /**
   * From 1, counting up, never used twice in a client's life: a request that is sent again, over whichever
   * connection, keeps it. Within a session it names a write for good (F3). The reply carries it back.
   */
  readonly requestId: number;
  /** Milliseconds that the client will still wait, counted from the arrival; 0 when it did not say. */
  readonly deadlineMs: number;
}

/** Bytes in requests are views of the frame. Who keeps them copies them (J). */
export interface PutRequest extends RequestFields {
  readonly op: typeof Op.put;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** 0: none. */
  readonly lease: number;
  readonly wantPrevious: boolean;
}
export interface GetRequest extends RequestFields {
  readonly op: typeof Op.get;
  readonly key: Uint8Array;
  /** False asks for the node's own state, which may be stale. */
  readonly linearizable: boolean;
  /** 0: the latest. */
  readonly revision: number;
}
export interface DeleteRequest extends RequestFields {
  readonly op: typeof Op.delete;
  readonly range: KeyRange;
  readonly wantPrevious: boolean;
}
export interface RangeRequest extends RequestFields, RangeSelection {
  readonly op: typeof Op.range;
  readonly linearizable: boolean;
  /** 0: the latest. */
  readonly revision: number;
}
export interface TxnRequest extends RequestFields, Txn {
  readonly op: typeof Op.txn;
  /** The number of the write in this session that must be carried out before; 0: none. */
  readonly predecessor: number;
}
export interface LeaseGrantRequest extends RequestFields {
  readonly op: typeof Op.leaseGrant;
  readonly ttlMs: number;
}
export interface LeaseRevokeRequest extends RequestFields {
  readonly op: typeof Op.leaseRevoke;
  readonly lease: number;
}
export interface LeaseKeepAliveRequest extends RequestFields {
  readonly op: typeof Op.leaseKeepAlive;
  readonly leases: readonly number[];
}
export interface LeaseTimeToLiveRequest extends RequestFields {
  readonly op: typeof Op.leaseTimeToLive;
  readonly lease: number;
  readonly withKeys: boolean;
}
export interface LeaseListRequest extends RequestFields {
  readonly op: typeof Op.leaseList;
}
export interface SessionOpenRequest extends RequestFields {
  readonly op: typeof Op.sessionOpen;
  readonly ttlMs: number;
}
/** Of the frame's session, as the next. */
export interface SessionCloseRequest extends RequestFields {
  readonly op: typeof Op.sessionClose;
}
export interface SessionKeepAliveRequest extends RequestFields {
  readonly op: typeof Op.sessionKeepAlive;
}
export interface CompactRequest extends RequestFields {
  readonly op: typeof Op.compact;
  /** The oldest revision that is to stay readable. */
  readonly revision: number;
}
export interface CatalogRequest extends RequestFields {
  readonly op: typeof Op.catalog;
}

/** One route of the whole catalog as it is to be. */
export interface RouteChange {
  /** Of a route that there is; 0 for a new one. */
  readonly routeId: number;
  readonly start: Uint8Array;
  /** Null: no upper bound. */
  readonly end: Uint8Array | null;
  readonly groupId: number;
}
export interface CatalogChangeRequest extends RequestFields {
  readonly op: typeof Op.catalogChange;
  readonly expectedVersion: number;
  readonly routes: readonly RouteChange[];
}
export interface WatchRequest extends RequestFields {
  readonly op: typeof Op.watch;
  /** Chosen by the client; names the watch on this connection. */
  readonly watchId: number;
  readonly range: KeyRange;
  /** The first revision whose events are wanted; 0: what comes from now on. */
  readonly fromRevision: number;
  readonly wantPrevious: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  /** Whether progress marks are wanted. */
  readonly progress: boolean;
}
export interface WatchCancelRequest extends RequestFields {
  readonly op: typeof Op.watchCancel;
  readonly watchId: number;
}

export interface MemberListRequest extends RequestFields {
  readonly op: typeof Op.memberList;
  /** False asks for what the node knows by itself, which may be stale. */
  readonly linearizable: boolean;
}
export interface MemberChangeRequest extends RequestFields {
  readonly op: typeof Op.memberChange;
  readonly change: MembersChange;
}
export interface LeaderTransferRequest extends RequestFields {
  readonly op: typeof Op.leaderTransfer;
  /** The name of the member that is to lead; null leaves the choice to the leader. */
  readonly to: string | null;
}
export interface LeaderLeasesShowRequest extends RequestFields {
  readonly op: typeof Op.leaderLeasesShow;
}
export interface LeaderLeasesSetRequest extends RequestFields {
  readonly op: typeof Op.leaderLeasesSet;
  /** Null switches leases off. */
  readonly marginPercent: number | null;
}

export type ClientRequest =
  | PutRequest
  | GetRequest
  | DeleteRequest
  | RangeRequest
  | TxnRequest
  | LeaseGrantRequest
  | LeaseRevokeRequest
  | LeaseKeepAliveRequest
  | LeaseTimeToLiveRequest
  | LeaseListRequest
  | SessionOpenRequest
  | SessionCloseRequest
  | SessionKeepAliveRequest
  | CompactRequest
  | CatalogRequest
  | CatalogChangeRequest
  | WatchRequest
  | WatchCancelRequest
  | MemberListRequest
  | MemberChangeRequest
  | LeaderTransferRequest
  | LeaderLeasesShowRequest
  | LeaderLeasesSetRequest;

/** One request that the node must refuse, while the rest of its frame stands. */
export interface RefusedRequest {
  readonly requestId: number;
  readonly code: "INVALID_ARGUMENT" | "TOO_LARGE";
  readonly message: string;
  /** With TOO_LARGE: the limit, in bytes or operations as the message says. */
  readonly limit: number | null;
}

/** Where the writes of a frame belong. */
export interface SessionPlace {
  readonly session: number;
  /** Every write of the session with a lower number was answered: their results may be forgotten (F3). */
  readonly answeredBelow: number;
}

export interface ClientFrame {
  /** Null: the requests belong to no session, and their writes are not deduplicated. */
  readonly session: SessionPlace | null;
  readonly requests: readonly ClientRequest[];
  readonly refused: readonly RefusedRequest[];
}
