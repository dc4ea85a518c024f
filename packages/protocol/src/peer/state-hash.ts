import type { GroupId, LogIndex } from "raft-ts";
import { ProtocolError } from "../errors.js";
import { pack } from "../frame-writer.js";
import type { PackedFrame } from "../frame-writer.js";
import { count, describe, tuple } from "../msgpack.js";

/**
 * A member with data tells what it is, as a hash of all that it holds at an applied index at which the log wants replicas to be equal. With `asks` it
 * wants to be told the same.
 */
export interface StateHashMessage {
  readonly kind: "stateHash";
  readonly group: GroupId;
  readonly index: LogIndex;
  /** 64 hex digits. */
  readonly hash: string;
  readonly asks: boolean;
  /** Of the member's program: another one may write the same state in other bytes, and so hash it to something else. */
  readonly version: string;
}

/** Among the codes of the messages about snapshots, with which it shares a lane. */
export const STATE_HASH_CODE = 6;

const HASH_BYTES = 32;
const VERSION_LENGTH_MAX = 256;

/** On the wire `[group, 6, index, hash, asks, version]`. */
export function encodeStateHash(message: Omit<StateHashMessage, "kind">): PackedFrame {
  const { asks, group, hash, index, version } = message;
  return pack([group, STATE_HASH_CODE, index, Buffer.from(hash, "hex"), asks, version]);
}

/** @throws {ProtocolError} the connection must be cut (C6). */
export function stateHashFrom(fields: readonly unknown[]): StateHashMessage {
  const [group, , index, hash, asks, version] = tuple(fields, 6, "a hash of the state");
  if (!Buffer.isBuffer(hash) || hash.length !== HASH_BYTES)
    throw new ProtocolError(`a hash is ${describe(hash)}: ${HASH_BYTES} bytes are wanted`);
  if (typeof asks !== "boolean") throw new ProtocolError(`asks is ${describe(asks)}: a boolean is wanted`);
  if (typeof version !== "string" || version.length > VERSION_LENGTH_MAX)
    throw new ProtocolError(`a version is ${describe(version)}: a short text is wanted`);
  return {
    kind: "stateHash",
    group: count(group, "the group") as GroupId,
    index: count(index, "the index") as LogIndex,
    hash: hash.toString("hex"),
    asks,
    version,
  };
}
