import { ProtocolError, RaftKvError } from "@raftkv/protocol";
import type { ErrorReply, Reply } from "@raftkv/protocol";
import type { Call } from "./calls/call.js";
import { brokenError } from "./chain.js";
import type { Chain } from "./chain.js";
import type { Connection } from "./connection.js";
import type { LeaderFinder, Route } from "./leader-finder.js";
import type { Settings } from "./options.js";
import { closedError, expired, unknownOutcome } from "./outcome.js";
import { PendingRequest, isRefusal, refusalError } from "./pending-request.js";
import { afterRefusal } from "./retry.js";
import { SessionKeeper } from "./session.js";
import type { Session, SessionTransport } from "./session.js";
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
export class Dispatcher implements SessionTransport {
  readonly #finder: LeaderFinder;
  readonly #settings: Settings;
  readonly #sessions: SessionKeeper;
  /** Every request that has not ended. */
  readonly #deadlines = new Timeouts<PendingRequest>((request) => this.#expire(request));
  readonly #delays = new Timeouts<Delay>((delay) => this.#enqueue(delay.request));
  /** Not handed to a socket, and not delayed. Those that ended meanwhile stay until the next flush. */
  #waiting: PendingRequest[] = [];
  #flushScheduled = false;
  #closed = false;
  // Odd and even, so that the numbers of a session's writes are dense and reads have none of them.
  #lastWrite = -1;
  #lastRead = 0;

  constructor(finder: LeaderFinder, settings: Settings) {
    this.#finder = finder;
    this.#settings = settings;
    this.#sessions = new SessionKeeper(settings.sessionTtlMs, this);
  }

  /**
   * Resolves with what the operation gives; rejects with a RaftKvError, or with the signal's reason.
   * @param chain the appender's, for one of its batches.
   */
  submit(
    call: Call,
    timeoutMs: number,
    signal: AbortSignal | null,
    chain: Chain | null = null,
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const fault = this.#fault(call);
    if (fault !== null) return Promise.reject(fault);
    return new Promise((resolve, reject) => {
      const request = new PendingRequest(call, timeoutMs, resolve, reject);
      if (signal !== null) this.#listen(request, signal);
      chain?.add(request);
      this.#deadlines.add(request, timeoutMs);
      this.#enqueue(request);
    });
  }

  /** @throws {RaftKvError} TOO_LARGE: the cluster would not take it. */
  check(call: Call): void {
    const fault = this.#fault(call);
    if (fault !== null) throw fault;
  }

  start(
    call: Call,
    session: Session | null,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ): PendingRequest {
    const request = new PendingRequest(call, this.#settings.timeoutMs, resolve, reject);
    request.session = session;
    this.#deadlines.add(request, request.timeoutMs);
    this.#enqueue(request);
    return request;
  }

  /** Sends what waits, at the end of this turn of the event loop. */
  schedule(): void {
    if (this.#flushScheduled || this.#waiting.length === 0) return;
    this.#flushScheduled = true;
    // Behind everything that this turn still brings: the replies to one frame wake up many callers, and what they
    // ask next goes into one frame again.
    setImmediate(() => this.#flush());
  }

  sessionOpened(): void {
    this.schedule();
  }

  /** No write will get a session, so none can be sent. */
  sessionRefused(error: RaftKvError): void {
    for (const request of this.#waiting.filter((one) => this.#wantsSession(one))) this.#fail(request, error);
  }

  get wantsSession(): boolean {
    return !this.#closed && this.#waiting.some((request) => this.#wantsSession(request));
  }

  replied(connection: Connection, replies: readonly Reply[]): void {
    const now = performance.now();
    for (const reply of replies) {
      const request = connection.inFlight.get(reply.requestId);
      if (request === undefined) continue; // it ended before: its deadline passed, or it was aborted
      if (isRefusal(reply)) {
        connection.inFlight.delete(request.id);
        request.connection = null;
        this.#refused(request, reply, connection);
        continue;
      }
      const result = request.call.resultOf(reply, connection);
      if (result === undefined) {
        connection.fail(new ProtocolError(`request ${request.id} was answered as operation ${reply.op}`));
        return;
      }
      connection.inFlight.delete(request.id);
      connection.refusals = 0;
      if (request.session !== null) request.session.heardAt = now;
      this.#end(request, null);
      request.resolve(result);
    }
  }

  /** The connection broke. What was in flight there gets no answer any more (C1). */
  lost(connection: Connection, error: RaftKvError): void {
    const requests = [...connection.inFlight.values()];
    connection.inFlight.clear();
    for (const request of requests) {
      request.connection = null;
      if (isRepeatable(request)) this.#again(request);
      else this.#fail(request, unknownOutcome(`the connection to ${connection.address} broke`, error));
    }
  }

  /**
   * Another node leads now: what this one was asked is asked again there, without waiting for an answer that may never
   * come. What could do something twice waits for it (C1).
   */
  superseded(connection: Connection): void {
    for (const request of connection.inFlight.values()) {
      if (!isRepeatable(request)) continue;
      connection.inFlight.delete(request.id);
      request.connection = null;
      this.#again(request);
    }
  }

  /** Ends everything: what may have been carried out with OUTCOME_UNKNOWN, the rest with CLOSED (C4). */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#delays.drain();
    for (const request of this.#deadlines.drain()) {
      const error = closedError();
      this.#fail(request, request.mayBeDone ? unknownOutcome("the client was closed", error) : error);
    }
    const session = this.#sessions.close();
    if (session !== null) this.#finder.connectionFor("write")?.leaveSession(session, this.#nextRead());
  }

  #fault(call: Call): RaftKvError | null {
    const limits = this.#finder.limits;
    return limits === null ? null : call.fault(limits);
  }

  /** Tells the node, if it is still there, that nobody listens any more. */
  cancelWatch(connection: Connection, watchId: number): void {
    connection.cancelWatch(watchId, this.#nextRead());
  }

  #enqueue(request: PendingRequest): void {
    if (request.ended) return;
    this.#waiting.push(request);
    this.schedule();
  }

  #again(request: PendingRequest): void {
    request.isOpen ||= request.call.isWrite;
    this.#enqueue(request);
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
      const connection = ways[request.call.route];
      if (connection === null) {
        this.#waiting.push(request);
        continue;
      }
      if (request.id === 0 && !this.#number(request)) continue;
      const batch = batches.get(connection);
      if (batch === undefined) batches.set(connection, [request]);
      else batch.push(request);
    }
    for (const [connection, batch] of batches) connection.send(batch);
    if (this.#waiting.length > 0) this.#finder.seek();
  }

  /** Gives a request its number, and a write its place in the session. False: it cannot be sent now. */
  #number(request: PendingRequest): boolean {
    if (!request.call.isWrite || request.call.isIdempotent) {
      request.id = this.#nextRead();
      return true;
    }
    if (!this.#wantsSession(request)) {
      this.#lastWrite += 2;
      request.id = this.#lastWrite;
      return true;
    }
    const session = this.#sessions.current;
    if (session === null || session.isFull) {
      this.#waiting.push(request);
      if (session === null) this.#sessions.open();
      return false;
    }
    if (request.chain !== null && !this.#isInOrder(request, session)) return false;
    this.#lastWrite += 2;
    request.id = this.#lastWrite;
    session.add(request);
    return true;
  }

  #nextRead(): number {
    this.#lastRead += 2;
    return this.#lastRead;
  }

  #wantsSession({ call, session, chain }: PendingRequest): boolean {
    return (
      call.isWrite && !call.isIdempotent && session === null && (this.#settings.sessions || chain !== null)
    );
  }

  /** Whether a batch can follow the one before it in this session; when not, it waits for that, or fails with it. */
  #isInOrder(request: PendingRequest, session: Session): boolean {
    const { chain, after } = request;
    if (chain !== null && chain.failure !== null) {
      this.#fail(request, brokenError(chain.failure));
      return false;
    }
    if (after !== null && !after.ended && after.session !== session) {
      after.waiter = request;
      return false;
    }
    request.predecessor = after !== null && after.session === session ? after.id : 0;
    return true;
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
    const { call, session, chain, isOpen, refusals } = request;
    if (reply.code === "SESSION_EXPIRED" && session !== null) this.#sessions.lost(session);
    const inSession = session !== null;
    const isWrite = call.isWrite && !call.isIdempotent;
    const standing = { isWrite, inSession, inChain: chain !== null, isOpen, refusals };
    const verdict = afterRefusal(reply, standing);
    request.refusals += 1;
    if (reply.code !== "OUTCOME_UNKNOWN") request.refusal = { reply, address: connection.address };
    switch (verdict.kind) {
      case "give up":
        this.#fail(request, refusalError(reply, connection.address));
        break;
      case "unknown":
        this.#fail(request, unknownOutcome("no answer came", refusalError(reply, connection.address)));
        break;
      case "reroute":
        this.#finder.refused(connection, reply);
        if (reply.code === "OUTCOME_UNKNOWN") this.#again(request);
        else this.#enqueue(request);
        break;
      case "new session":
        session?.remove(request);
        request.session = null;
        request.id = 0;
        this.#enqueue(request);
        break;
      case "behind":
        this.#behind(request);
        break;
      case "later":
        // It may be done, although it may be sent again: its deadline can pass before that (C1).
        request.isOpen ||= call.isWrite && reply.code === "OUTCOME_UNKNOWN";
        this.#delays.add(new Delay(request), verdict.delayMs);
        break;
    }
  }

  /** A batch came to be carried out before the one that must come first. */
  #behind(request: PendingRequest): void {
    const { after, chain } = request;
    if (chain !== null && chain.failure !== null) {
      // Of the one before it more may come yet, and then of the copies of this one, too.
      const isUnknown = request.isOpen && !chain.failure.outcomeKnown;
      const error = brokenError(chain.failure);
      this.#fail(request, isUnknown ? unknownOutcome("an earlier batch failed", error) : error);
    } else if (after === null || after.ended) {
      this.#enqueue(request);
    } else {
      after.waiter = request;
    }
  }

  /** Its deadline passed, and it has left the deadlines already. */
  #expire(request: PendingRequest): void {
    const opening = this.#wantsSession(request) ? this.#sessions.opening : null;
    this.#fail(request, expired(request, opening, this.#finder));
  }

  #listen(request: PendingRequest, signal: AbortSignal): void {
    const onAbort = (): void => {
      const { reason } = signal;
      this.#fail(request, request.mayBeDone ? unknownOutcome("the call was aborted", reason) : reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    request.forgetSignal = () => signal.removeEventListener("abort", onAbort);
  }

  #fail(request: PendingRequest, error: unknown): void {
    request.connection?.inFlight.delete(request.id);
    this.#end(request, error);
    request.reject(error);
  }

  /** @param failure null when it has its answer. */
  #end(request: PendingRequest, failure: unknown): void {
    request.ended = true;
    request.connection = null;
    this.#deadlines.remove(request);
    request.forgetSignal?.();
    const { session, call, chain, waiter } = request;
    if (call.isWrite && session !== null) {
      const wasFull = session.isFull;
      if (chain === null) session.remove(request);
      if (wasFull) this.schedule();
    }
    if (chain === null) return;
    const cause = failure === null || failure instanceof RaftKvError ? failure : closedError();
    for (const done of chain.ended(request, cause)) done.session?.remove(done);
    request.waiter = null;
    // With it all that wait behind it: they go out together again, and in their order.
    for (let next = waiter; next !== null;) {
      const behind: PendingRequest | null = next.waiter;
      next.waiter = null;
      this.#enqueue(next);
      next = behind;
    }
  }
}

/** Whether a request whose answer is lost may be sent again: it has no effect, or the session sees to it (C1, F3). */
function isRepeatable({ call, session }: PendingRequest): boolean {
  return !call.isWrite || call.isIdempotent || session !== null;
}
