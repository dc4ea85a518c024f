import { ProtocolError } from "./errors.js";
import { REQUEST_OVERHEAD_BYTES } from "./limits.js";
import type { Limits } from "./limits.js";
import { describe, isCount, pack, unpackArray } from "./msgpack.js";

/** What a request asks for. A reply that answers it in full carries the same number. */
export const Op = { put: 1, get: 2, delete: 3 } as const;
export type Op = (typeof Op)[keyof typeof Op];

/** The first field of a frame from a client. */
export const CLIENT_FRAME_REQUESTS = 1;

/** Deadlines go into timers, and those of 2^31 ms or more fire at once (J). */
export const DEADLINE_MS_MAX = 2 ** 31 - 1;

interface RequestFields {
  /**
   * From 1, counting up, never used twice in a client's life: a request that is sent again, over whichever
   * connection, keeps it. The reply carries it back.
   */
  readonly requestId: number;
  /** Milliseconds that the client will still wait, counted from the arrival; 0 when it did not say. */
  readonly deadlineMs: number;
  /** A view of the frame. Who keeps it copies it (J). */
  readonly key: Buffer;
}

export interface PutRequest extends RequestFields {
  readonly op: typeof Op.put;
  /** A view of the frame. Who keeps it copies it (J). */
  readonly value: Buffer;
}
export interface GetRequest extends RequestFields {
  readonly op: typeof Op.get;
  /** False asks for the node's own state, which may be stale. */
  readonly linearizable: boolean;
}
export interface DeleteRequest extends RequestFields {
  readonly op: typeof Op.delete;
}
export type ClientRequest = PutRequest | GetRequest | DeleteRequest;

/** One request that the node must refuse, while the rest of its frame stands. */
export interface RefusedRequest {
  readonly requestId: number;
  readonly code: "INVALID_ARGUMENT" | "TOO_LARGE";
  readonly message: string;
  /** With TOO_LARGE: the limit in bytes. */
  readonly limit: number | null;
}

export interface ClientFrame {
  readonly requests: readonly ClientRequest[];
  readonly refused: readonly RefusedRequest[];
}

/** A request in the form that travels. */
export type WireRequest = readonly [number, Op, number, Uint8Array, ...(Uint8Array | number)[]];

export function putRequest(id: number, deadlineMs: number, key: Uint8Array, value: Uint8Array): WireRequest {
  return [id, Op.put, deadlineMs, key, value];
}

export function getRequest(
  id: number,
  deadlineMs: number,
  key: Uint8Array,
  linearizable: boolean,
): WireRequest {
  return [id, Op.get, deadlineMs, key, linearizable ? 0 : 1];
}

export function deleteRequest(id: number, deadlineMs: number, key: Uint8Array): WireRequest {
  return [id, Op.delete, deadlineMs, key];
}

/** An upper bound of what a request takes in a frame, in bytes. */
export function requestBytes(key: Uint8Array, value: Uint8Array | null): number {
  return key.length + (value === null ? 0 : value.length) + REQUEST_OVERHEAD_BYTES;
}

/** Encodes one frame. The second field is the session's place: nil, as long as requests belong to none. */
export function encodeRequests(requests: readonly WireRequest[]): Buffer {
  return pack([CLIENT_FRAME_REQUESTS, null, requests]);
}

/**
 * Decodes and judges one frame from a client (C6, C7). What is wrong with one request alone comes back in
 * `refused`, to be answered; the others stand.
 * @throws {ProtocolError} the frame itself cannot be trusted: the connection must be cut with CLOSE_PROTOCOL_ERROR.
 */
export function decodeClientFrame(bytes: Buffer, limits: Limits): ClientFrame {
  if (bytes.length > limits.frameBytes) {
    throw new ProtocolError(`a frame of ${bytes.length} bytes: ${limits.frameBytes} are allowed`);
  }
  const frame = unpackArray(bytes);
  if (frame.length !== 3 || frame[0] !== CLIENT_FRAME_REQUESTS || frame[1] !== null) {
    throw new ProtocolError(
      `a frame from a client is [${CLIENT_FRAME_REQUESTS}, nil, requests], this begins with ${describe(frame[0])}`,
    );
  }
  const items = frame[2];
  if (!Array.isArray(items))
    throw new ProtocolError(`the requests are ${describe(items)}: an array is wanted`);
  if (items.length > limits.frameRequests) {
    throw new ProtocolError(`a frame of ${items.length} requests: ${limits.frameRequests} are allowed`);
  }
  const requests: ClientRequest[] = [];
  const refused: RefusedRequest[] = [];
  for (const item of items as readonly unknown[]) {
    if (!Array.isArray(item)) throw new ProtocolError(`a request is ${describe(item)}: an array is wanted`);
    const fields = item as readonly unknown[];
    const requestId = fields[0];
    // Without a number there is nobody to answer, so the whole connection has to go.
    if (!isCount(requestId) || requestId === 0) {
      throw new ProtocolError(
        `a request's number is ${describe(requestId)}: a whole number from 1 is wanted`,
      );
    }
    const request = toRequest(requestId, fields, limits, refused);
    if (request !== null) requests.push(request);
  }
  return { requests, refused };
}

/** Null when the request was put among the refused. */
function toRequest(
  requestId: number,
  fields: readonly unknown[],
  limits: Limits,
  refused: RefusedRequest[],
): ClientRequest | null {
  const op = fields[1];
  const deadlineMs = fields[2];
  const key = fields[3];
  const operand = fields[4];
  if (op !== Op.put && op !== Op.get && op !== Op.delete) {
    return invalid(
      refused,
      requestId,
      `the operation is ${describe(op)}: 1 (put), 2 (get) and 3 (delete) are known`,
    );
  }
  const length = op === Op.delete ? 4 : 5;
  if (fields.length !== length) {
    return invalid(
      refused,
      requestId,
      `a request with operation ${op} has ${length} fields, this has ${fields.length}`,
    );
  }
  if (!isCount(deadlineMs) || deadlineMs > DEADLINE_MS_MAX) {
    return invalid(
      refused,
      requestId,
      `the deadline is ${describe(deadlineMs)}: 0 to ${DEADLINE_MS_MAX} ms are allowed`,
    );
  }
  if (!Buffer.isBuffer(key))
    return invalid(refused, requestId, `the key is ${describe(key)}: bytes are wanted`);
  if (key.length > limits.keyBytes) return tooLarge(refused, requestId, "key", key.length, limits.keyBytes);
  if (op === Op.delete) return { requestId, op, deadlineMs, key };
  if (op === Op.get) {
    if (operand !== 0 && operand !== 1) {
      return invalid(
        refused,
        requestId,
        `the consistency is ${describe(operand)}: 0 (linearizable) or 1 (serializable)`,
      );
    }
    return { requestId, op, deadlineMs, key, linearizable: operand === 0 };
  }
  if (!Buffer.isBuffer(operand))
    return invalid(refused, requestId, `the value is ${describe(operand)}: bytes are wanted`);
  if (operand.length > limits.valueBytes)
    return tooLarge(refused, requestId, "value", operand.length, limits.valueBytes);
  return { requestId, op, deadlineMs, key, value: operand };
}

function invalid(refused: RefusedRequest[], requestId: number, message: string): null {
  refused.push({ requestId, code: "INVALID_ARGUMENT", message, limit: null });
  return null;
}

function tooLarge(
  refused: RefusedRequest[],
  requestId: number,
  what: "key" | "value",
  bytes: number,
  limit: number,
): null {
  refused.push({ requestId, code: "TOO_LARGE", message: tooLargeMessage(what, bytes, limit), limit });
  return null;
}

/** One sentence for both sides: a client refuses with it before it sends. */
export function tooLargeMessage(what: "key" | "value", bytes: number, limit: number): string {
  return `the ${what} has ${bytes} bytes, the cluster takes ${limit}`;
}
