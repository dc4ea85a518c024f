import type { AppendRequest, GroupId, LogBase, Message, MessageKind, ServerId } from "raft-ts";
import { ProtocolError } from "../errors.js";
import { pack } from "../frame-writer.js";
import type { PackedFrame } from "../frame-writer.js";
import { count, describe, tuple, unpackArray } from "../msgpack.js";
import { baseFromWire, baseToWire } from "./base.js";

/** As it travels: the entries of an append are the frames themselves, one behind the other (W2). */
export type PeerMessage = Exclude<Message, AppendRequest> | PeerAppendRequest;
export type PeerAppendRequest = Omit<AppendRequest, "entries"> & { readonly entries: Buffer };

/** The messages of one group in one frame. */
export interface PeerFrame {
  readonly group: GroupId;
  readonly messages: readonly PeerMessage[];
}

type FieldType = "count" | "boolean" | "bytes" | "base";
type PayloadOf<M> = Exclude<keyof M, "kind" | "from" | "to" | "term">;
type LayoutOf<M extends PeerMessage> = {
  readonly code: number;
  readonly fields: readonly (readonly [PayloadOf<M>, FieldType])[];
};

/**
 * Every message on the wire is `[code, term, field…]` in this order; sender and receiver are known from the handshake.
 * A code is never given to another message.
 */
const LAYOUTS: { readonly [K in MessageKind]: LayoutOf<Extract<PeerMessage, { readonly kind: K }>> } = {
  preVoteRequest: {
    code: 1,
    fields: [
      ["lastLogIndex", "count"],
      ["lastLogTerm", "count"],
    ],
  },
  preVoteResponse: { code: 2, fields: [["granted", "boolean"]] },
  voteRequest: {
    code: 3,
    fields: [
      ["lastLogIndex", "count"],
      ["lastLogTerm", "count"],
      ["transfer", "boolean"],
    ],
  },
  voteResponse: { code: 4, fields: [["granted", "boolean"]] },
  appendRequest: {
    code: 5,
    fields: [
      ["prevLogIndex", "count"],
      ["prevLogTerm", "count"],
      ["commitIndex", "count"],
      ["entries", "bytes"],
    ],
  },
  appendResponse: {
    code: 6,
    fields: [
      ["success", "boolean"],
      ["prevLogIndex", "count"],
      ["matchIndex", "count"],
      ["hintIndex", "count"],
      ["hintTerm", "count"],
    ],
  },
  heartbeatRequest: {
    code: 7,
    fields: [
      ["commitIndex", "count"],
      ["readRound", "count"],
      ["sentMicros", "count"],
      ["dataDurableIndex", "count"],
    ],
  },
  heartbeatResponse: {
    code: 8,
    fields: [
      ["readRound", "count"],
      ["sentMicros", "count"],
    ],
  },
  commitNotice: { code: 9, fields: [["commitIndex", "count"]] },
  readIndexRequest: {
    code: 10,
    fields: [
      ["readRound", "count"],
      ["bootEpoch", "count"],
    ],
  },
  readIndexResponse: {
    code: 11,
    fields: [
      ["readRound", "count"],
      ["bootEpoch", "count"],
      ["readIndex", "count"],
    ],
  },
  timeoutNow: { code: 12, fields: [["lastLogIndex", "count"]] },
  installSnapshot: {
    code: 13,
    fields: [
      ["base", "base"],
      ["withData", "boolean"],
    ],
  },
};

interface Layout {
  readonly kind: MessageKind;
  readonly code: number;
  readonly fields: readonly (readonly [string, FieldType])[];
}

const BY_KIND = new Map<MessageKind, Layout>();
const BY_CODE = new Map<number, Layout>();
for (const [kind, { code, fields }] of Object.entries(LAYOUTS) as [MessageKind, Omit<Layout, "kind">][]) {
  const layout = { kind, code, fields };
  BY_KIND.set(kind, layout);
  BY_CODE.set(code, layout);
}

/** A message in the form that travels. */
export type WirePeerMessage = readonly unknown[];

export function peerMessageToWire(message: PeerMessage): WirePeerMessage {
  const layout = BY_KIND.get(message.kind);
  if (layout === undefined) throw new RangeError(`no layout for ${message.kind}`);
  const wire: unknown[] = [layout.code, message.term];
  const values = message as unknown as Readonly<Record<string, unknown>>;
  for (const [name, type] of layout.fields) {
    wire.push(type === "base" ? baseToWire(values[name] as LogBase) : values[name]);
  }
  return wire;
}

export function encodePeerFrame(group: GroupId, messages: readonly WirePeerMessage[]): PackedFrame {
  return pack([group, messages]);
}

/**
 * Byte strings in the result are views of `bytes` (J): who keeps one copies it.
 * @throws {ProtocolError} the frame cannot be trusted; the connection must be cut (C6).
 */
export function decodePeerFrame(
  bytes: Buffer,
  ends: { readonly from: ServerId; readonly to: ServerId },
): PeerFrame {
  const frame = tuple(unpackArray(bytes), 2, "a peer's frame");
  const items = frame[1];
  if (!Array.isArray(items))
    throw new ProtocolError(`the messages are ${describe(items)}: an array is wanted`);
  return {
    group: count(frame[0], "the group") as GroupId,
    messages: (items as readonly unknown[]).map((item) => decodeMessage(item, ends)),
  };
}

function decodeMessage(item: unknown, ends: { readonly from: ServerId; readonly to: ServerId }): PeerMessage {
  const fields = Array.isArray(item) ? (item as readonly unknown[]) : [];
  const layout = BY_CODE.get(fields[0] as number);
  if (layout === undefined)
    throw new ProtocolError(`a message begins with ${describe(fields[0])}, which is no code`);
  if (fields.length !== layout.fields.length + 2) {
    throw new ProtocolError(
      `${layout.kind} has ${layout.fields.length + 2} fields, this has ${fields.length}`,
    );
  }
  const message: Record<string, unknown> = {
    kind: layout.kind,
    from: ends.from,
    to: ends.to,
    term: count(fields[1], "the term"),
  };
  for (const [at, [name, type]] of layout.fields.entries()) {
    message[name] = decodeField(fields[at + 2], type, name);
  }
  return message as unknown as PeerMessage;
}

function decodeField(value: unknown, type: FieldType, name: string): unknown {
  if (type === "count") return count(value, name);
  if (type === "base") return baseFromWire(value);
  if (type === "boolean" && typeof value === "boolean") return value;
  if (type === "bytes" && Buffer.isBuffer(value)) return value;
  throw new ProtocolError(
    `${name} is ${describe(value)}: ${type === "bytes" ? "bytes are" : "a boolean is"} wanted`,
  );
}
