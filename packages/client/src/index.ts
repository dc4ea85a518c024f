export { connect } from "./connect.js";
export {
  Client,
  type Catalog,
  type DeleteResult,
  type KindOf,
  type LeaseStatus,
  type PutOptions,
  type PutResult,
} from "./client.js";
export { Appender, type AppendCallback, type AppenderOptions } from "./appender.js";
export { KeyValue } from "./key-value.js";
export { Lease, type AttachOptions, type LeaseOptions } from "./lease.js";
export {
  LEASE_MARGIN_PERCENT,
  LEASE_MARGIN_PERCENT_MAX,
  LeaderLeases,
  type LeaderLeaseSettings,
  type LeaderLeasesOnOptions,
  type LeaderLeasesStatus,
} from "./leader-leases.js";
export { Members, type AddMemberOptions, type ForcibleOptions, type MemberListOptions } from "./members.js";
export { Lock, type LockOptions } from "./lock.js";
export { compare, del, get, put } from "./operations.js";
export type {
  Comparable,
  Comparison,
  Operation,
  OperationResult,
  PutFields,
  Selection,
} from "./operations.js";
export { Txn, txn, type TxnResult } from "./txn.js";
export { Watch, type WatchOptions } from "./watch.js";
export type { WatchEvent } from "./watch-feed.js";
export type { Bytes } from "./bytes.js";
export type { Range } from "./key-range.js";
export type { ConnectOptions, DeleteOptions, GetOptions, RequestOptions } from "./options.js";
export type { RangeOptions, RangeResult } from "./range-query.js";
export {
  ERRORS,
  ProtocolError,
  RaftKvError,
  type EndpointReport,
  type ErrorCode,
  type LeaderHint,
  type MemberInfo,
  type MemberRole,
} from "@raftkv/protocol";
