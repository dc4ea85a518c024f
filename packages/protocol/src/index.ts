export {
  ERRORS,
  errorCodeOfWire,
  factOfErrorCode,
  wireOfErrorCode,
  type ErrorCode,
  type ErrorFact,
} from "./error-codes.js";
export {
  ProtocolError,
  RaftKvError,
  type EndpointReport,
  type ErrorFacts,
  type LeaderHint,
} from "./errors.js";
export { HEAD_BYTES_MAX, withHead, type PackedFrame } from "./frame-writer.js";
export {
  DEADLINE_MS_MAX,
  DEFAULT_LIMITS,
  REQUEST_OVERHEAD_BYTES,
  TTL_MS_MAX,
  TXN_DEPTH_MAX,
  checkLimits,
  type Limits,
} from "./limits.js";
export {
  CLIENT_PATH,
  CLOSE_GOING_AWAY,
  CLOSE_PROTOCOL_ERROR,
  CLOSE_REFUSED,
  CLOSE_TRY_LATER,
  HELLO_BYTES_MAX,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  answerHello,
  decodeHello,
  decodeHelloAnswer,
  encodeHello,
  type Hello,
  type NodeIdentity,
  type Refusal as HelloRefusal,
  type Welcome,
} from "./hello.js";
export {
  LEASE_MARGIN_PERCENT,
  LEASE_MARGIN_PERCENT_MAX,
  leaderLeasesSetReply,
  leaderLeasesSetRequest,
  leaderLeasesShowReply,
  leaderLeasesShowRequest,
  type LeaderLeaseSettings,
  type LeaderLeases,
} from "./leader-leases.js";
export {
  MEMBER_ROLES,
  MEMBERS_MAX,
  isMemberName,
  leaderTransferReply,
  leaderTransferRequest,
  memberChangeReply,
  memberChangeRequest,
  memberListReply,
  memberListRequest,
  type MemberAddress,
  type MemberInfo,
  type MemberRole,
  type MembersChange,
} from "./members.js";
export { isSingleKey, prefixRange, singleKey, type KeyRange } from "./key-range.js";
export type { KeyValue } from "./key-value.js";
export { Op, REPLY_ERROR } from "./op.js";
export type * from "./request.js";
export { decodeClientFrame } from "./request-decode.js";
export { tooLargeMessage } from "./request-fault.js";
export * from "./request-encode.js";
export type * from "./reply.js";
export * from "./reply-encode.js";
export { decodeNodeFrame, type NodeFrame } from "./reply-decode.js";
export {
  EVERYTHING,
  type Compare,
  type CompareRelation,
  type CompareTarget,
  type NestedTxn,
  type RangeSelection,
  type Txn,
  type TxnDelete,
  type TxnGet,
  type TxnOp,
  type TxnPut,
} from "./transaction.js";
export {
  encodeWatchEnd,
  encodeWatchEvents,
  encodeWatchProgress,
  type WatchEvent,
  type WatchEvents,
} from "./watch-frame.js";
export * from "./peer/index.js";
