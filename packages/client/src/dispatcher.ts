import { ProtocolError, RaftKvError, tooLargeMessage } from "@raftkv/protocol";
import type { ErrorCode, ErrorReply, Limits, Reply } from "@raftkv/protocol";
import type { Connection } from "./connection.js";
import type { LeaderFinder, Route } from "./leader-finder.js";
import { PendingRequest, isRefusal, refusalError } from "./pending-request.js";
import type { RequestBody } from "./pending-request.js";
import { afterLoss, afterRefusal } from "./retry.js";
import { Timed, Timeouts } from "./timeouts.js";

/** A request that waits out a delay before it is sent again. */
class Delay extends Timed {
  readonly request: PendingRequest;
  constructor(request: PendingRequest) {
    super();
    this.request = request;
  }
}

/**
 * Takes requests from their call to their end: collects those of one turn of the event loop, sends them, matches the
 * replies, retries what may be retried, and ends each one exactly once.
 */
export class Dispatcher {
  readonly #finder: LeaderFinder;
  /** Every request that has not ended. */
  readonly #deadlines = new Timeouts<PendingRequest>((request) => this.#expire(request));
  readonly #delays = new Timeouts<Delay>((delay) => this.#enqueue(delay.request));
  /** Not handed to a socket, and not delayed. Those that ended meanwhile stay until the next flush. */
  #waiting: PendingRequest[] = [];
  #flushScheduled = false;
  #closed = false;
  #lastId = 0;

  constructor(finder: LeaderFinder) {
    this.#finder = finder;
  }

  /** Resolves with what the operation gives; rejects with a RaftKvError, or with the signal's reason. */
  submit(body: RequestBody, timeoutMs: number, signal: AbortSignal | null): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const limits = this.#finder.limits;
    const oversize = limits === null ? null : tooLarge(body, limits);
    if (oversize !== null) return Promise.reject(oversize);
    return new Promise((resolve, reject) => {
      // One number for a request's whole life, whichever connections it goes over.
      this.#lastId += 1;
      const request = new PendingRequest(this.#lastId, body, timeoutMs, resolve, reject);
      if (signal !== null) this.#listen(request, signal);
      this.#deadlines.add(request, timeoutMs);
      this.#enqueue(request);
    });
  }

  /** Sends what waits, at the end of this turn of the event loop. */
  schedule(): void {
    if (this.#flushScheduled || this.#waiting.length === 0) return;
    this.#flushScheduled = true;
    // Behind everything that this turn still brings: the replies to one frame wake up many callers, and what they
    // ask next goes into one frame again.
    setImmediate(() => this.#flush());
  }

  replied(connection: Connection, replies: readonly Reply[]): void {
    for (const reply of replies) {
      const request = connection.inFlight.get(reply.requestId);
      if (request === undefined) continue; // it ended before: its deadline passed, or it was aborted
      if (isRefusal(reply)) {
        connection.inFlight.delete(request.id);
        request.connection = null;
        this.#refused(request, reply, connection);
        continue;
      }
      const result = request.resultOf(reply);
      if (result === undefined) {
        connection.fail(new ProtocolError(`request ${request.id} was answered as operation ${reply.op}`));
        return;
      }
      connection.inFlight.delete(request.id);
      connection.refusals = 0;
      this.#end(request);
      request.resolve(result);
    }
  }

  /** The connection broke. What was in flight there gets no answer any more (C1). */
  lost(connection: Connection, error: RaftKvError): void {
    const requests = [...connection.inFlight.values()];
    connection.inFlight.clear();
    for (const request of requests) {
      request.connection = null;
      if (afterLoss(request.isWrite) === "reroute") this.#enqueue(request);
      else this.#fail(request, unknownOutcome(`the connection to ${connection.address} broke`, error));
    }
  }

  /** Ends everything: what may have been carried out with OUTCOME_UNKNOWN, the rest with CLOSED (C4). */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#delays.drain();
    for (const request of this.#deadlines.drain()) {
      const isUnknown = request.connection !== null && request.isWrite;
      this.#fail(request, isUnknown ? unknownOutcome("the client was closed", closedError()) : closedError());
    }
  }

  #enqueue(request: PendingRequest): void {
    if (request.ended) return;
    this.#waiting.push(request);
    this.schedule();
  }

  #flush(): void {
    this.#flushScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    // Looked up once for each kind, not for each request.
    const ways: Record<Route, Connection | null> = {
      write: this.#writable("write"),
      linearizable: this.#writable("linearizable"),
      serializable: this.#writable("serializable"),
    };
    const batches = new Map<Connection, PendingRequest[]>();
    for (const request of waiting) {
      if (request.ended) continue;
      const connection = ways[request.route];
      const batch = connection === null ? this.#waiting : batches.get(connection);
      if (batch !== undefined) batch.push(request);
      else if (connection !== null) batches.set(connection, [request]);
    }
    for (const [connection, batch] of batches) connection.send(batch);
    if (this.#waiting.length > 0) this.#finder.seek();
  }

  /** A connection that takes requests of this kind now, or null. */
  #writable(route: Route): Connection | null {
    const connection = this.#finder.connectionFor(route);
    if (connection === null || connection.isWritable) {
      return connection === null || connection.congested ? null : connection;
    }
    // The node is closing it, and what is sent now would be lost without a word. Nothing of it was sent, so all of it
    // may go elsewhere.
    connection.fail(new RaftKvError("UNAVAILABLE", "the node is closing the connection"));
    return null;
  }

  #refused(request: PendingRequest, reply: ErrorReply, connection: Connection): void {
    const verdict = afterRefusal(reply, request.isWrite, request.refusals);
    request.refusal = { reply, address: connection.address };
    request.refusals += 1;
    switch (verdict.kind) {
      case "give up":
        this.#fail(request, refusalError(reply, connection.address));
        break;
      case "reroute":
        this.#finder.refused(connection, reply);
        this.#enqueue(request);
        break;
      case "later":
        this.#delays.add(new Delay(request), verdict.delayMs);
        break;
    }
  }

  /** Its deadline passed, and it has left the deadlines already. */
  #expire(request: PendingRequest): void {
    const { connection, refusal, timeoutMs } = request;
    if (connection !== null) {
      connection.inFlight.delete(request.id);
      const what = `${connection.address} did not answer within ${timeoutMs} ms`;
      this.#fail(request, request.isWrite ? unknownOutcome(what) : new RaftKvError("TIMEOUT", what));
    } else if (refusal !== null && isWantOfRoom(refusal.reply.code)) {
      this.#fail(request, refusalError(refusal.reply, refusal.address));
    } else if (refusal === null && this.#finder.connectionFor(request.route) !== null) {
      this.#fail(request, new RaftKvError("TIMEOUT", `nothing could be sent within ${timeoutMs} ms`));
    } else {
      this.#fail(request, unavailable(this.#finder, timeoutMs));
    }
  }

  #listen(request: PendingRequest, signal: AbortSignal): void {
    const onAbort = (): void => {
      const { connection } = request;
      connection?.inFlight.delete(request.id);
      const isUnknown = connection !== null && request.isWrite;
      this.#fail(request, isUnknown ? unknownOutcome("the call was aborted", signal.reason) : signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    request.forgetSignal = () => signal.removeEventListener("abort", onAbort);
  }

  #fail(request: PendingRequest, error: unknown): void {
    this.#end(request);
    request.reject(error);
  }

  #end(request: PendingRequest): void {
    request.ended = true;
    request.connection = null;
    this.#deadlines.remove(request);
    request.forgetSignal?.();
  }
}

/** No node was reached that could serve, with what every endpoint said. */
export function unavailable(finder: LeaderFinder, timeoutMs: number): RaftKvError {
  const endpoints = finder.reports;
  const said = endpoints.map(({ address, said: what }) => `${address}: ${what}`).join("; ");
  return new RaftKvError("UNAVAILABLE", `no node could serve within ${timeoutMs} ms (${said})`, {
    endpoints,
  });
}

/** It came to the right node each time, which had no room for it: more is known than that nobody could serve. */
function isWantOfRoom(code: ErrorCode): boolean {
  return code === "OVERLOADED" || code === "NO_SPACE";
}

function unknownOutcome(what: string, cause?: unknown): RaftKvError {
  const message = `${what} after the write was sent: it may have been carried out, or may yet be`;
  return new RaftKvError("OUTCOME_UNKNOWN", message, { cause });
}

function closedError(): RaftKvError {
  return new RaftKvError("CLOSED", "the client is closed");
}

/** Refused here what the node would refuse, so that nothing of it is sent. */
function tooLarge(body: RequestBody, limits: Limits): RaftKvError | null {
  const { key, value } = body;
  const valueBytes = value === null ? 0 : value.length;
  if (key.length <= limits.keyBytes && valueBytes <= limits.valueBytes) return null;
  const [what, bytes, limit] =
    key.length > limits.keyBytes
      ? (["key", key.length, limits.keyBytes] as const)
      : (["value", valueBytes, limits.valueBytes] as const);
  return new RaftKvError("TOO_LARGE", tooLargeMessage(what, bytes, limit), { limit });
}
