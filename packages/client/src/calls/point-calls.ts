import { Op, deleteRangeRequest, getRequest, putRequest } from "@raftkv/protocol";
import type { ErrorReply, KeyRange, Limits, RaftKvError, Reply, WireRequest } from "@raftkv/protocol";
import type { Bytes } from "../bytes.js";
import { KeyValue, keyValueFromReply } from "../key-value.js";
import type { Route } from "../leader-finder.js";
import { bytesFault, rangeFault } from "./call.js";
import type { Call } from "./call.js";

// Puts and gets are nearly everything there is: one object each, and no closures.

export class PutCall implements Call {
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;
  readonly #lease: number;
  /** Null: the previous key-value is not wanted. Else whether its key is to come back as text. */
  readonly #previousAsText: boolean | null;

  constructor(key: Uint8Array, value: Uint8Array, lease: number, previousAsText: boolean | null) {
    this.#key = key;
    this.#value = value;
    this.#lease = lease;
    this.#previousAsText = previousAsText;
  }

  get op(): typeof Op.put {
    return Op.put;
  }

  get route(): Route {
    return "write";
  }

  get isIdempotent(): boolean {
    return false;
  }

  get isWrite(): boolean {
    return true;
  }

  fault(limits: Limits): RaftKvError | null {
    return bytesFault(this.#key, this.#value, limits);
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return putRequest(id, deadlineMs, this.#key, this.#value, this.#lease, this.#previousAsText !== null);
  }

  resultOf(reply: Exclude<Reply, ErrorReply>): unknown {
    if (reply.op !== Op.put) return undefined;
    const { revision, previous } = reply;
    if (this.#previousAsText === null) return { revision };
    return {
      revision,
      previous: previous === null ? null : keyValueFromReply(previous, this.#previousAsText),
    };
  }
}

export class GetCall implements Call {
  readonly #key: Uint8Array;
  /** As the caller gave it, for the result. */
  readonly #givenKey: Bytes;
  readonly #linearizable: boolean;
  readonly #revision: number;

  constructor(key: Uint8Array, givenKey: Bytes, linearizable: boolean, revision: number) {
    this.#key = key;
    this.#givenKey = givenKey;
    this.#linearizable = linearizable;
    this.#revision = revision;
  }

  get op(): typeof Op.get {
    return Op.get;
  }

  get route(): Route {
    return this.#linearizable ? "linearizable" : "serializable";
  }

  get isIdempotent(): boolean {
    return false;
  }

  get isWrite(): boolean {
    return false;
  }

  fault(limits: Limits): RaftKvError | null {
    return bytesFault(this.#key, null, limits);
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return getRequest(id, deadlineMs, this.#key, this.#linearizable, this.#revision);
  }

  resultOf(reply: Exclude<Reply, ErrorReply>): unknown {
    if (reply.op !== Op.get) return undefined;
    if (reply.value === null) return null;
    // The one copy (J): what the caller keeps must not keep the whole frame alive.
    return new KeyValue(this.#givenKey, new Uint8Array(reply.value), reply);
  }
}

export class DeleteCall implements Call {
  readonly #range: KeyRange;
  readonly #previousAsText: boolean | null;

  constructor(range: KeyRange, previousAsText: boolean | null) {
    this.#range = range;
    this.#previousAsText = previousAsText;
  }

  get op(): typeof Op.delete {
    return Op.delete;
  }

  get route(): Route {
    return "write";
  }

  get isIdempotent(): boolean {
    return false;
  }

  get isWrite(): boolean {
    return true;
  }

  fault(limits: Limits): RaftKvError | null {
    return rangeFault(this.#range, limits);
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return deleteRangeRequest(id, deadlineMs, this.#range, this.#previousAsText !== null);
  }

  resultOf(reply: Exclude<Reply, ErrorReply>): unknown {
    if (reply.op !== Op.delete) return undefined;
    const { revision, deleted, previous } = reply;
    const asText = this.#previousAsText;
    if (asText === null) return { revision, deleted };
    return { revision, deleted, previous: previous.map((kv) => keyValueFromReply(kv, asText)) };
  }
}
