import { Op, RaftKvError } from "@raftkv/protocol";
import { toBytes } from "./bytes.js";
import type { Bytes } from "./bytes.js";
import type { Dispatcher } from "./dispatcher.js";
import type { KeyValue } from "./key-value.js";
import type { LeaderFinder } from "./leader-finder.js";
import { toMilliseconds } from "./options.js";
import type { GetOptions, RequestOptions, Settings } from "./options.js";
import type { RequestBody } from "./pending-request.js";

export interface PutResult {
  /** The store's revision that the put made. */
  readonly revision: number;
}

export interface DeleteResult {
  /** The store's revision behind the deletion; when nothing was deleted, the one that stood. */
  readonly revision: number;
  /** How many keys were deleted: 1, or 0 when there was no such key. */
  readonly deleted: number;
}

const NO_OPTIONS: GetOptions = {};

/**
 * A cluster, as an application sees it. Safe to share: requests of all callers go over one connection, and those of
 * one turn of the event loop in one message. Requests that are under way at the same time may be carried out in any
 * order; who needs one, awaits the first before the second.
 *
 * Every method rejects with a RaftKvError, told apart by its `code`. All codes but OUTCOME_UNKNOWN promise that
 * nothing was done. Uint8Arrays that were passed in must not change before the promise settles.
 */
export class Client {
  readonly #settings: Settings;
  readonly #finder: LeaderFinder;
  readonly #dispatcher: Dispatcher;
  #closing: Promise<void> | null = null;

  /** Use `connect`. */
  constructor(settings: Settings, finder: LeaderFinder, dispatcher: Dispatcher) {
    this.#settings = settings;
    this.#finder = finder;
    this.#dispatcher = dispatcher;
  }

  /**
   * @throws {RaftKvError} TOO_LARGE, INVALID_ARGUMENT; UNAVAILABLE, OVERLOADED, NO_SPACE, TIMEOUT: nothing was
   *   done;
   *   OUTCOME_UNKNOWN: it was sent, and no answer came (C1); CLOSED.
   */
  put(key: Bytes, value: Bytes, options: RequestOptions = NO_OPTIONS): Promise<PutResult> {
    return this.#submit(Op.put, key, value, options) as Promise<PutResult>;
  }

  /**
   * Null when there is no such key. It is sent again as often as it takes until the deadline.
   * @throws {RaftKvError} TOO_LARGE, INVALID_ARGUMENT, UNAVAILABLE, OVERLOADED, TIMEOUT, CLOSED.
   */
  get<K extends Bytes>(key: K, options: GetOptions = NO_OPTIONS): Promise<KeyValue<KindOf<K>> | null> {
    return this.#submit(Op.get, key, null, options) as Promise<KeyValue<KindOf<K>> | null>;
  }

  /** @throws {RaftKvError} as `put`. */
  delete(key: Bytes, options: RequestOptions = NO_OPTIONS): Promise<DeleteResult> {
    return this.#submit(Op.delete, key, null, options) as Promise<DeleteResult>;
  }

  /**
   * Ends what is under way: writes that were sent with OUTCOME_UNKNOWN, everything else with CLOSED, as will every
   * later call (C4). Resolves when the connections are gone. Calling it again gives the same promise.
   */
  close(): Promise<void> {
    if (this.#closing === null) {
      this.#dispatcher.close();
      this.#closing = this.#finder.close();
    }
    return this.#closing;
  }

  /** Not `async`, and without a closure: one promise a request, and few objects. */
  #submit(op: RequestBody["op"], key: Bytes, value: Bytes | null, options: GetOptions): Promise<unknown> {
    let body: RequestBody;
    let timeoutMs: number;
    try {
      body = {
        op,
        key: toBytes("key", key),
        value: op === Op.put ? toBytes("value", value) : null,
        linearizable: isLinearizable(options.consistency),
        givenKey: key,
      };
      timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#settings.timeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#dispatcher.submit(body, timeoutMs, options.signal ?? null);
  }
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
function isLinearizable(consistency: GetOptions["consistency"] = "linearizable"): boolean {
  if (consistency === "linearizable") return true;
  if (consistency === "serializable") return false;
  const allowed = `"linearizable" and "serializable" are allowed`;
  throw new RaftKvError("INVALID_ARGUMENT", `consistency is ${JSON.stringify(consistency)}: ${allowed}`);
}

/** A get gives the key back in the kind in which it was asked for. */
export type KindOf<K extends Bytes> = K extends string ? string : Uint8Array;
