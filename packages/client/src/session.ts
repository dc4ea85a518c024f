import { RaftKvError } from "@raftkv/protocol";
import type { SessionOpenReply, SessionPlace } from "@raftkv/protocol";
import { sessionKeepAliveCall, sessionOpenCall } from "./calls/rare-calls.js";
import type { PendingRequest } from "./pending-request.js";

/**
 * How far the numbers of a session's writes may be apart, from the oldest without an answer to the newest. The cluster
 * keeps the answers to 16,384 (the setting `sessionResultsMax`) and refuses what is further ahead.
 */
const NUMBERS_AHEAD_MAX = 16_000;

/** A session as the cluster keeps it: it carries out each of its writes once, however often it is sent (F3). */
export class Session {
  readonly id: number;
  readonly ttlMs: number;
  /** `performance.now()` when its last sign of life went out that was answered. */
  heardAt: number;
  #first: PendingRequest | null = null;
  #last: PendingRequest | null = null;
  /** Numbers below it were all answered, as far as the writes tell that were ever here. */
  #next = 1;

  constructor(id: number, ttlMs: number, heardAt: number) {
    this.id = id;
    this.ttlMs = ttlMs;
    this.heardAt = heardAt;
  }

  /** What a frame with writes of this session says. It never goes back. */
  get place(): SessionPlace {
    return { session: this.id, answeredBelow: this.#first?.id ?? this.#next };
  }

  get isFull(): boolean {
    return this.#first !== null && this.#next - this.#first.id >= NUMBERS_AHEAD_MAX;
  }

  /** Takes a write in, whose number is above those of all before. */
  add(request: PendingRequest): void {
    request.session = this;
    request.earlier = this.#last;
    if (this.#last === null) this.#first = request;
    else this.#last.later = request;
    this.#last = request;
    this.#next = request.id + 1;
  }

  /** The write has its answer, or nobody waits for it any more. */
  remove(request: PendingRequest): void {
    const { earlier, later } = request;
    if (earlier === null) this.#first = later;
    else earlier.later = later;
    if (later === null) this.#last = earlier;
    else later.earlier = earlier;
    request.earlier = null;
    request.later = null;
  }
}

/** What the keeper needs of the dispatcher. */
export interface SessionTransport {
  /** Sends a call that may be sent twice. */
  start(
    call: ReturnType<typeof sessionOpenCall>,
    session: Session | null,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ): PendingRequest;
  /** There is a session now, or there will be none, for this reason. */
  sessionOpened(): void;
  sessionRefused(error: RaftKvError): void;
  /** Whether any write waits for a session. */
  readonly wantsSession: boolean;
}

/** Opens a client's session with its first write, keeps it alive, and opens another when it was lost. */
export class SessionKeeper {
  readonly #transport: SessionTransport;
  readonly #ttlMs: number;
  #current: Session | null = null;
  #opening: PendingRequest | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(ttlMs: number, transport: SessionTransport) {
    this.#ttlMs = ttlMs;
    this.#transport = transport;
  }

  /** Where writes go now; null while there is none. */
  get current(): Session | null {
    return this.#current;
  }

  /** The request that opens the next one; null when none is under way. */
  get opening(): PendingRequest | null {
    return this.#opening;
  }

  /** Opens one, unless there is one or that is under way. */
  open(): void {
    if (this.#current !== null || this.#opening !== null) return;
    const startedAt = performance.now();
    this.#opening = this.#transport.start(
      sessionOpenCall(this.#ttlMs),
      null,
      (result) => {
        this.#opening = null;
        const { session, ttlMs } = result as SessionOpenReply;
        this.#current = new Session(session, ttlMs, startedAt);
        this.#timer = setInterval(() => this.#keepAlive(), Math.max(1, Math.floor(ttlMs / 4)));
        this.#transport.sessionOpened();
      },
      (error) => {
        this.#opening = null;
        if (error instanceof RaftKvError && !error.retryable) this.#transport.sessionRefused(error);
        else if (this.#transport.wantsSession) this.open();
      },
    );
  }

  /** The cluster does not know it any more. */
  lost(session: Session): void {
    if (this.#current !== session) return;
    this.#current = null;
    this.#stopTimer();
  }

  /** @returns the session that there was. */
  close(): Session | null {
    const session = this.#current;
    this.#current = null;
    this.#stopTimer();
    return session;
  }

  /** Four chances within its time. A write that was answered did the same. */
  #keepAlive(): void {
    const session = this.#current;
    if (session === null) return;
    const now = performance.now();
    if (now - session.heardAt < session.ttlMs / 4) return;
    this.#transport.start(
      sessionKeepAliveCall(),
      session,
      () => {
        session.heardAt = Math.max(session.heardAt, now);
      },
      // When it is gone the dispatcher has said so; else the next one comes soon.
      () => {},
    );
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
