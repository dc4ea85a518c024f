import { Op, REPLY_ERROR, RaftKvError, deleteRequest, getRequest, putRequest } from "@raftkv/protocol";
import type { ErrorReply, Reply, WireRequest } from "@raftkv/protocol";
import type { Bytes } from "./bytes.js";
import type { Connection } from "./connection.js";
import { KeyValue } from "./key-value.js";
import type { Route } from "./leader-finder.js";
import { Timed } from "./timeouts.js";

const NO_BYTES = new Uint8Array(0);

/** What a request asks for, with its bytes already checked. */
export interface RequestBody {
  readonly op: typeof Op.put | typeof Op.get | typeof Op.delete;
  readonly key: Uint8Array;
  /** Null unless it is a put. */
  readonly value: Uint8Array | null;
  readonly linearizable: boolean;
  /** The key as the caller gave it, for the result of a get. */
  readonly givenKey: Bytes;
}

/**
 * A request from its call to its end. It ends once, by `resolve` or `reject`; the dispatcher alone ends it.
 * As a `Timed` it stands among the deadlines until then.
 */
export class PendingRequest extends Timed {
  readonly id: number;
  readonly body: RequestBody;
  readonly timeoutMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Where it is in flight: handed to that socket, and no definite answer yet. Null while nothing is. */
  connection: Connection | null = null;
  /** The last refusal, with who gave it. Every refusal that is kept here promised that nothing was done. */
  refusal: { readonly reply: ErrorReply; readonly address: string } | null = null;
  /** How often it was refused. */
  refusals = 0;
  ended = false;
  /** Takes the listener off the caller's signal; null when there is none. */
  forgetSignal: (() => void) | null = null;

  constructor(
    id: number,
    body: RequestBody,
    timeoutMs: number,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.id = id;
    this.body = body;
    this.timeoutMs = timeoutMs;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Whether it changes anything, and so must not be sent twice on a guess (C1). */
  get isWrite(): boolean {
    return this.body.op !== Op.get;
  }

  get route(): Route {
    if (this.isWrite) return "write";
    return this.body.linearizable ? "linearizable" : "serializable";
  }

  /** @param now `performance.now()`. */
  toWire(now: number): WireRequest {
    const { op, key, value, linearizable } = this.body;
    const deadlineMs = Math.max(1, Math.ceil(this.dueAt - now));
    if (op === Op.put) return putRequest(this.id, deadlineMs, key, value ?? NO_BYTES);
    if (op === Op.get) return getRequest(this.id, deadlineMs, key, linearizable);
    return deleteRequest(this.id, deadlineMs, key);
  }

  /** What the caller gets for a reply that answers in full; undefined when the reply is to something else. */
  resultOf(reply: Exclude<Reply, ErrorReply>): unknown {
    if (reply.op !== this.body.op) return undefined;
    if (reply.op === Op.put) return { revision: reply.revision };
    if (reply.op === Op.delete) return { revision: reply.revision, deleted: reply.deleted };
    if (reply.op !== Op.get) return undefined;
    if (reply.value === null) return null;
    // The one copy (J): what the caller keeps must not keep the whole frame alive.
    const value = new Uint8Array(reply.value);
    const revisions = { create: reply.createRevision, mod: reply.modRevision };
    return new KeyValue(this.body.givenKey, value, revisions, reply.version);
  }
}

/** Whether a reply refuses. Says so to the compiler, too. */
export function isRefusal(reply: Reply): reply is ErrorReply {
  return reply.op === REPLY_ERROR;
}

/** A refusal as the caller gets it. */
export function refusalError(reply: ErrorReply, address: string): RaftKvError {
  const { code, message, retryable, leader, retryAfterMs, limit } = reply;
  return new RaftKvError(code, `${message} (said by ${address})`, { retryable, leader, retryAfterMs, limit });
}
