import { Op, rangeRequest } from "@raftkv/protocol";
import type { ErrorReply, Limits, RaftKvError, RangeSelection, Reply, WireRequest } from "@raftkv/protocol";
import { keyValueFromReply } from "../key-value.js";
import type { KeyValue } from "../key-value.js";
import type { Route } from "../leader-finder.js";
import { rangeFault } from "./call.js";
import type { Call } from "./call.js";

/** What one page of a range asks for. */
export interface RangePage extends RangeSelection {
  readonly linearizable: boolean;
  /** 0: the latest. */
  readonly revision: number;
}

/** What one page found. */
export interface FoundPage {
  readonly revision: number;
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number | null;
  /** As bytes, in which it is what it was also where the keys are text. */
  readonly lastKey: Uint8Array | null;
}

/** One page of a range. Its result is a `FoundPage`. */
export class RangeCall implements Call {
  readonly #page: RangePage;
  readonly #asText: boolean;

  constructor(page: RangePage, asText: boolean) {
    this.#page = page;
    this.#asText = asText;
  }

  get op(): typeof Op.range {
    return Op.range;
  }

  get route(): Route {
    return this.#page.linearizable ? "linearizable" : "serializable";
  }

  get isIdempotent(): boolean {
    return false;
  }

  get isWrite(): boolean {
    return false;
  }

  fault(limits: Limits): RaftKvError | null {
    return rangeFault(this.#page.range, limits);
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return rangeRequest(id, deadlineMs, this.#page);
  }

  resultOf(reply: Exclude<Reply, ErrorReply>): FoundPage | undefined {
    if (reply.op !== Op.range) return undefined;
    const { revision, more, count } = reply;
    const entries = reply.entries.map((kv) => keyValueFromReply(kv, this.#asText));
    const last = reply.entries.at(-1);
    return { revision, entries, more, count, lastKey: last === undefined ? null : Buffer.from(last.key) };
  }
}
