import type { GroupId, LogBase, Term } from "raft-ts";
import { ProtocolError } from "../errors.js";
import { pack } from "../frame-writer.js";
import type { PackedFrame } from "../frame-writer.js";
import { count, describe, tuple, unpackArray } from "../msgpack.js";
import { baseFromWire, baseToWire } from "./base.js";
import { STATE_HASH_CODE, stateHashFrom } from "./state-hash.js";
import type { StateHashMessage } from "./state-hash.js";

/**
 * What two shells say to each other about the data of a snapshot, on a lane of its own (C5). All name the leader's term
 * (R23) and the transfer: a number that the leader gives to each stream that it opens; 0 while the follower knows none.
 * - `fetch`: the follower wants the stream, from the chunk `next` on; of another transfer than the one that is open, a new one.
 * - `begin`: the leader opened the stream; `base` is what it covers.
 * - `chunk`: the bytes of one chunk, as the store made it, and its number.
 * - `ack`: the follower has taken in everything before the chunk `next`.
 * - `done`: it has installed the snapshot.
 */
export type SnapshotMessage = {
  readonly group: GroupId;
  readonly term: Term;
  readonly transfer: number;
} & SnapshotBody;

export type SnapshotBody =
  | { readonly kind: "fetch"; readonly next: number }
  | { readonly kind: "begin"; readonly base: LogBase }
  | { readonly kind: "chunk"; readonly number: number; readonly bytes: Buffer }
  | { readonly kind: "ack"; readonly next: number }
  | { readonly kind: "done" };

const CODES = { fetch: 1, begin: 2, chunk: 3, ack: 4, done: 5 } as const;

/** On the wire `[group, code, term, transfer, field…]`. */
export function encodeSnapshotMessage(message: SnapshotMessage): PackedFrame {
  return pack([message.group, CODES[message.kind], message.term, message.transfer, ...fieldsOf(message)]);
}

function fieldsOf(message: SnapshotMessage): readonly unknown[] {
  switch (message.kind) {
    case "fetch":
    case "ack":
      return [message.next];
    case "begin":
      return [baseToWire(message.base)];
    case "chunk":
      return [message.number, message.bytes];
    case "done":
      return [];
  }
}

/**
 * What comes over the lane for snapshots. The bytes of a chunk are a view of `bytes` (J).
 * @throws {ProtocolError} the connection must be cut (C6).
 */
export function decodeDataMessage(bytes: Buffer): SnapshotMessage | StateHashMessage {
  const fields = unpackArray(bytes);
  return fields[1] === STATE_HASH_CODE ? stateHashFrom(fields) : snapshotFrom(fields);
}

/** @throws {ProtocolError} it is none. */
export function decodeSnapshotMessage(bytes: Buffer): SnapshotMessage {
  return snapshotFrom(unpackArray(bytes));
}

function snapshotFrom(fields: readonly unknown[]): SnapshotMessage {
  if (fields.length < 4) throw new ProtocolError(`${describe(fields)} is no message about a snapshot`);
  return {
    group: count(fields[0], "the group") as GroupId,
    term: count(fields[2], "the term") as Term,
    transfer: count(fields[3], "the transfer"),
    ...bodyFrom(fields[1], fields.slice(4)),
  };
}

function bodyFrom(code: unknown, fields: readonly unknown[]): SnapshotBody {
  switch (code) {
    case CODES.fetch:
      return { kind: "fetch", next: count(tuple(fields, 1, "a fetch")[0], "the next chunk") };
    case CODES.begin:
      return { kind: "begin", base: baseFromWire(tuple(fields, 1, "a begin")[0]) };
    case CODES.chunk: {
      const [number, chunk] = tuple(fields, 2, "a chunk");
      if (!Buffer.isBuffer(chunk)) throw new ProtocolError(`a chunk is ${describe(chunk)}: bytes are wanted`);
      return { kind: "chunk", number: count(number, "the chunk's number"), bytes: chunk };
    }
    case CODES.ack:
      return { kind: "ack", next: count(tuple(fields, 1, "an ack")[0], "the next chunk") };
    case CODES.done:
      return { kind: "done" };
    default:
      throw new ProtocolError(`a message about a snapshot has the code ${describe(code)}, which is none`);
  }
}
