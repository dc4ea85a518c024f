export { connect } from "./connect.js";
export { Client, type DeleteResult, type KindOf, type PutResult } from "./client.js";
export { KeyValue } from "./key-value.js";
export type { Bytes } from "./bytes.js";
export type { ConnectOptions, GetOptions, RequestOptions } from "./options.js";
export {
  ERRORS,
  ProtocolError,
  RaftKvError,
  type EndpointReport,
  type ErrorCode,
  type LeaderHint,
} from "@raftkv/protocol";
