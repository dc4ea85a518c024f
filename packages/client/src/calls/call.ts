import { RaftKvError, tooLargeMessage } from "@raftkv/protocol";
import type { ErrorReply, KeyRange, Limits, Op, Reply, WireRequest } from "@raftkv/protocol";
import type { Connection } from "../connection.js";
import type { Route } from "../leader-finder.js";

/** What one request asks for, with its arguments already checked: how it travels, and what its reply means. */
export interface Call {
  readonly op: Op;
  readonly route: Route;
  /** Whether it changes anything, and so must not be sent twice on a guess (C1). */
  readonly isWrite: boolean;
  /** It changes something, and done twice does no more than done once: it needs no session to be sent again (C1). */
  readonly isIdempotent: boolean;
  /** Refuses here what the node would refuse, so that nothing of it is sent. */
  fault(limits: Limits): RaftKvError | null;
  /** @param predecessor the write that must come before it in the session; 0: none. */
  toWire(id: number, deadlineMs: number, predecessor: number): WireRequest;
  /** What the caller gets; undefined when the reply is to something else. */
  resultOf(reply: Exclude<Reply, ErrorReply>, connection: Connection): unknown;
}

/** @returns null when the bytes are no more than the cluster takes. */
export function bytesFault(key: Uint8Array, value: Uint8Array | null, limits: Limits): RaftKvError | null {
  if (key.length > limits.keyBytes) return tooLarge("key", key.length, limits.keyBytes);
  if (value !== null && value.length > limits.valueBytes) {
    return tooLarge("value", value.length, limits.valueBytes);
  }
  return null;
}

export function rangeFault({ start, end }: KeyRange, limits: Limits): RaftKvError | null {
  // The end of a single key's range has one byte more than the key, and does not travel.
  return bytesFault(end === null || end.length <= start.length + 1 ? start : end, null, limits);
}

function tooLarge(what: "key" | "value", bytes: number, limit: number): RaftKvError {
  return new RaftKvError("TOO_LARGE", tooLargeMessage(what, bytes, limit), { limit });
}
