import { FrameReader } from "./frame-reader.js";
import { DEADLINE_MS_MAX } from "./limits.js";
import type { Limits } from "./limits.js";
import { CLIENT_FRAME_REQUESTS, NODE_FRAME_REPLIES, Op } from "./op.js";
import { FIELDS } from "./request-bodies.js";
import type { Reply } from "./reply.js";
import type { ClientFrame, ClientRequest, SessionPlace } from "./request.js";

// Nearly everything that comes is a plain put or a get with nothing wrong, and the answer to it. These are read without the general
// decoder. It gets every frame in which anything else stands, and would make the same of those that are read here.

/** Null: the general decoder decides. */
export function usualClientFrame(bytes: Buffer, limits: Limits): ClientFrame | null {
  const reader = new FrameReader(bytes);
  if (reader.array() !== 3 || reader.count() !== CLIENT_FRAME_REQUESTS) return null;
  let session: SessionPlace | null = null;
  if (!reader.nil()) {
    session = usualSession(reader);
    if (session === null) return null;
  }
  const length = reader.array();
  if (length < 0 || length > limits.frameRequests) return null;
  const requests: ClientRequest[] = [];
  while (requests.length < length) {
    const request = usualRequest(reader, limits);
    if (request === null) return null;
    requests.push(request);
  }
  return reader.isWhole ? { session, requests, refused: [] } : null;
}

function usualSession(reader: FrameReader): SessionPlace | null {
  if (reader.array() !== 2) return null;
  const session = reader.count();
  const answeredBelow = reader.count();
  return session < 1 || answeredBelow < 0 ? null : { session, answeredBelow };
}

function usualRequest(reader: FrameReader, limits: Limits): ClientRequest | null {
  const fields = reader.array();
  const requestId = reader.count();
  const op = reader.count();
  const deadlineMs = reader.count();
  if (requestId < 1 || deadlineMs < 0 || deadlineMs > DEADLINE_MS_MAX) return null;
  if (op === Op.put && fields === FIELDS[Op.put]) {
    const key = reader.bytes(limits.keyBytes);
    const value = reader.bytes(limits.valueBytes);
    if (key === null || value === null || reader.count() !== 0 || reader.count() !== 0) return null;
    return { requestId, op, deadlineMs, key, value, lease: 0, wantPrevious: false };
  }
  if (op !== Op.get || fields !== FIELDS[Op.get]) return null;
  const key = reader.bytes(limits.keyBytes);
  const consistency = reader.count();
  if (key === null || (consistency !== 0 && consistency !== 1) || reader.count() !== 0) return null;
  return { requestId, op, deadlineMs, key, linearizable: consistency === 0, revision: 0 };
}

/** Null: the general decoder decides. */
export function usualReplies(bytes: Buffer): Reply[] | null {
  const reader = new FrameReader(bytes);
  if (reader.array() !== 2 || reader.count() !== NODE_FRAME_REPLIES) return null;
  const length = reader.array();
  if (length < 0) return null;
  const replies: Reply[] = [];
  while (replies.length < length) {
    const reply = usualReply(reader);
    if (reply === null) return null;
    replies.push(reply);
  }
  return reader.isWhole ? replies : null;
}

function usualReply(reader: FrameReader): Reply | null {
  const fields = reader.array();
  const requestId = reader.count();
  const op = reader.count();
  const revision = reader.count();
  if (requestId < 0 || revision < 0) return null;
  if (op === Op.put && fields === 3) return { requestId, op, revision, previous: null };
  if (op === Op.get && fields === 3) {
    return { requestId, op, revision, value: null, createRevision: 0, modRevision: 0, version: 0, lease: 0 };
  }
  if (op !== Op.get || fields !== 8) return null;
  const value = reader.bytes(Infinity);
  const createRevision = reader.count();
  const modRevision = reader.count();
  const version = reader.count();
  const lease = reader.count();
  if (value === null || createRevision < 0 || modRevision < 0 || version < 0 || lease < 0) return null;
  return { requestId, op, revision, value, createRevision, modRevision, version, lease };
}
