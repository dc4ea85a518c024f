import { REPLY_ERROR, RaftKvError } from "@raftkv/protocol";
import type { ErrorReply, Reply, WireRequest } from "@raftkv/protocol";
import type { Call } from "./calls/call.js";
import type { Chain } from "./chain.js";
import type { Connection } from "./connection.js";
import type { Session } from "./session.js";
import { Timed } from "./timeouts.js";

/**
 * The node's last word (`OVERLOADED`: nothing was done) comes at the deadline that it is told. It must be here before the caller's
 * own, or all that can be said is that the outcome is unknown (C1). So the node is told a tenth less, at most this much.
 */
const LAST_WORD_MS = 100;

/**
 * A request from its call to its end. It ends once, by `resolve` or `reject`; the dispatcher alone ends it.
 * As a `Timed` it stands among the deadlines until then.
 */
export class PendingRequest extends Timed {
  /** Given when it is first sent, and kept over whichever connections it goes. 0: it was never sent. */
  id = 0;
  readonly call: Call;
  readonly timeoutMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Where it is in flight: handed to that socket, and no definite answer yet. Null while nothing is. */
  connection: Connection | null = null;
  /** Where it is carried out once at most. Null: nowhere (yet). */
  session: Session | null = null;
  /** The neighbours among the session's writes that have not ended. The session's. */
  earlier: PendingRequest | null = null;
  later: PendingRequest | null = null;
  /** The order that it keeps to: that of an appender. Null for all others. */
  chain: Chain | null = null;
  /** The batch that must come before it, until either has ended. */
  after: PendingRequest | null = null;
  /** The batch that waits for this one to end. */
  waiter: PendingRequest | null = null;
  /** The number of the write that must come before it; 0: none. */
  predecessor = 0;
  /** A copy was sent whose answer is lost: it may have been carried out, or may yet be. */
  isOpen = false;
  /** The last refusal, with who gave it. Every refusal that is kept here promised that nothing was done. */
  refusal: { readonly reply: ErrorReply; readonly address: string } | null = null;
  /** How often it was refused. */
  refusals = 0;
  ended = false;
  /** Takes the listener off the caller's signal; null when there is none. */
  forgetSignal: (() => void) | null = null;

  constructor(
    call: Call,
    timeoutMs: number,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.call = call;
    this.timeoutMs = timeoutMs;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Whether it may have been carried out, if nothing more is heard of it. */
  get mayBeDone(): boolean {
    return this.isOpen || (this.connection !== null && this.call.isWrite);
  }

  /** @param now `performance.now()`. */
  toWire(now: number): WireRequest {
    const leftMs = this.dueAt - now;
    const deadlineMs = Math.ceil(leftMs - Math.min(LAST_WORD_MS, leftMs / 10));
    return this.call.toWire(this.id, Math.max(1, deadlineMs), this.predecessor);
  }
}

/** Whether a reply refuses. Says so to the compiler, too. */
export function isRefusal(reply: Reply): reply is ErrorReply {
  return reply.op === REPLY_ERROR;
}

/** A refusal as the caller gets it. */
export function refusalError(reply: Omit<ErrorReply, "requestId" | "op">, address: string): RaftKvError {
  const { code, message, ...facts } = reply;
  return new RaftKvError(code, `${message} (said by ${address})`, facts);
}
