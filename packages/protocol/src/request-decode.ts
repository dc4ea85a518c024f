import { ProtocolError } from "./errors.js";
import { DEADLINE_MS_MAX } from "./limits.js";
import type { Limits } from "./limits.js";
import { describe, isCount, tuple, unpackArray } from "./msgpack.js";
import { CLIENT_FRAME_REQUESTS } from "./op.js";
import type { Op } from "./op.js";
import { FIELDS, toBody } from "./request-bodies.js";
import { RequestFault } from "./request-fault.js";
import type { ClientFrame, ClientRequest, RefusedRequest, SessionPlace } from "./request.js";
import { usualClientFrame } from "./usual-frames.js";

/**
 * Decodes and judges one frame from a client (C6, C7). What is wrong with one request alone comes back in
 * `refused`, to be answered; the others stand.
 * @throws {ProtocolError} the frame itself cannot be trusted: the connection must be cut with CLOSE_PROTOCOL_ERROR.
 */
export function decodeClientFrame(bytes: Buffer, limits: Limits): ClientFrame {
  if (bytes.length > limits.frameBytes) {
    throw new ProtocolError(`a frame of ${bytes.length} bytes: ${limits.frameBytes} are allowed`);
  }
  return usualClientFrame(bytes, limits) ?? anyClientFrame(bytes, limits);
}

function anyClientFrame(bytes: Buffer, limits: Limits): ClientFrame {
  const frame = unpackArray(bytes);
  if (frame.length !== 3 || frame[0] !== CLIENT_FRAME_REQUESTS) {
    throw new ProtocolError(
      `a frame from a client is [${CLIENT_FRAME_REQUESTS}, session, requests], this begins with ${describe(frame[0])}`,
    );
  }
  const session = frame[1] === null ? null : toSession(frame[1]);
  const items = frame[2];
  if (!Array.isArray(items))
    throw new ProtocolError(`the requests are ${describe(items)}: an array is wanted`);
  if (items.length > limits.frameRequests) {
    throw new ProtocolError(`a frame of ${items.length} requests: ${limits.frameRequests} are allowed`);
  }
  const requests: ClientRequest[] = [];
  const refused: RefusedRequest[] = [];
  // So that one small frame cannot ask for more work than its requests would (C5).
  const operations = { left: Math.max(limits.frameRequests, limits.operationsInTxn + 1) };
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
    operations.left -= 1;
    try {
      requests.push(toRequest(requestId, fields, limits, operations));
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      refused.push({ requestId, code: error.code, message: error.message, limit: error.limit });
    }
    if (operations.left < 0) {
      throw new ProtocolError(
        `a frame with more requests and operations in them than the ${limits.frameRequests} allowed`,
      );
    }
  }
  return { session, requests, refused };
}

function toSession(value: unknown): SessionPlace {
  const [session, answeredBelow] = tuple(value, 2, "the session's place");
  if (!isCount(session) || session === 0 || !isCount(answeredBelow)) {
    throw new ProtocolError(
      `the session's place is [${describe(session)}, ${describe(answeredBelow)}]: ` +
        "a session's id and the number below which every write was answered are wanted",
    );
  }
  return { session, answeredBelow };
}

/** @throws {RequestFault} */
function toRequest(
  requestId: number,
  fields: readonly unknown[],
  limits: Limits,
  operations: { left: number },
): ClientRequest {
  const op = fields[1];
  const length = typeof op === "number" ? FIELDS[op] : undefined;
  if (length === undefined) {
    throw new RequestFault(`the operation is ${describe(op)}: 1 to ${FIELDS.length - 1} are known`);
  }
  if (fields.length !== length) {
    throw new RequestFault(
      `a request with operation ${String(op)} has ${length} fields, this has ${fields.length}`,
    );
  }
  const deadlineMs = fields[2];
  if (!isCount(deadlineMs) || deadlineMs > DEADLINE_MS_MAX) {
    throw new RequestFault(`the deadline is ${describe(deadlineMs)}: 0 to ${DEADLINE_MS_MAX} ms are allowed`);
  }
  return toBody({ requestId, op: op as Op, deadlineMs }, fields, limits, operations);
}
