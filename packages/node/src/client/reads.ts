import {
  Op,
  catalogReply,
  getReply,
  leaseListReply,
  leaseTimeToLiveReply,
  rangeReply,
} from "@raftkv/protocol";
import type {
  CatalogRequest,
  GetRequest,
  LeaseListRequest,
  LeaseTimeToLiveRequest,
  Limits,
  RangeRequest,
  WireReply,
} from "@raftkv/protocol";
import { StoreClosedError, StoreFailedError } from "@raftkv/store";
import type { RangeQuery } from "@raftkv/store";
import type { WriteOrigin } from "../group/client-proposal.js";
import type { RequestRefusal } from "../group/log-proposal.js";
import { LASTING_LEAVE } from "../group/pending-reads.js";
import type { ReadLeave } from "../group/pending-reads.js";
import { notLeader, unavailable } from "../group/refusals.js";
import type { Timings } from "../metrics/timings.js";
import { ReadQueue } from "./read-queue.js";
import { leaseNotFound, revisionRefusal } from "./replies.js";
import type { ServingData, ServingGroup } from "./serving.js";

/** Ranges that are read at one time over the whole node. */
const CONCURRENCY = 16;
/** Who was given so much in one answer waits for its turn with what it reads next, for so long. */
const LARGE_BYTES = 64 * 1024;
const LARGE_MS = 1_000;
/** Large answers of one turn, all together: about half a millisecond of work. */
const TURN_BYTES = 512 * 1024;
/** Keys and values in one reply; a client pages on from there. */
const RANGE_REPLY_BYTES = 1024 * 1024;
/** What a key's counters take in a reply, at most. */
const ENTRY_OVERHEAD_BYTES = 48;

const TOO_MUCH_UNREAD: RequestRefusal = {
  code: "OVERLOADED",
  message: "too many bytes of replies wait to be read by this client",
  retryAfterMs: 20,
};
const TOO_MANY_WAIT: RequestRefusal = {
  code: "OVERLOADED",
  message: "too many reads of this client wait",
  retryAfterMs: 100,
};
const TOO_LATE: RequestRefusal = { code: "TIMEOUT", message: "its deadline passed before it was begun" };

export type ReadOperation =
  | GetRequest
  | RangeRequest
  | LeaseTimeToLiveRequest
  | LeaseListRequest
  | CatalogRequest;

/** Who asks: one client's connection. */
export interface Asker extends WriteOrigin {
  readonly closed: boolean;
  /** So much waits to be read by this client that it must not be given more (C7). */
  readonly isBehind: boolean;
  /** When it was given its last large answer; -Infinity when never, null before its first. Of whoever reads for it. */
  largeAnswerAtMs: number | null;
  /** `bytes` of keys and values in it, about. */
  answer(reply: WireReply, bytes: number): void;
}

export interface ReadsOptions {
  readonly limits: Limits;
  readonly requestTimeoutMs: number;
  readonly serving: () => ServingGroup | null;
  /** Why nothing serves now. */
  readonly whyNot: () => string;
  readonly timings: Timings;
  readonly onFailed: (error: unknown) => void;
}

/**
 * What is answered out of this node's own state; when it must be linearizable, after the leader has confirmed which index
 * that state must have reached (R18). Store and state machine are looked up anew each time: a snapshot may have taken
 * their place. Whatever is told of that state, refusals among it, is told only while the leave to read it holds (R19).
 */
export class Reads {
  readonly #options: ReadsOptions;
  readonly #queue: ReadQueue<Asker>;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#queue = new ReadQueue({
      concurrency: CONCURRENCY,
      waitingMax: options.limits.frameRequests,
      turnBytesMax: TURN_BYTES,
      onFailed: options.onFailed,
    });
  }

  serve(request: ReadOperation, asker: Asker): void {
    if ((request.op === Op.get || request.op === Op.range) && !request.linearizable) {
      this.#read(request, asker, LASTING_LEAVE);
      return;
    }
    const serving = this.#options.serving();
    if (serving === null || !serving.group.hasData) {
      asker.refused(request.requestId, this.#refusal());
      return;
    }
    const beganMs = performance.now();
    serving.group.read({
      granted: (leave) => {
        this.#options.timings.read.observe(performance.now() - beganMs);
        this.#read(request, asker, leave);
      },
      refused: () => asker.refused(request.requestId, this.#refusal()),
    });
  }

  /** Reads that wait until others are read. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  disconnected(asker: Asker): void {
    this.#queue.remove(asker);
  }

  #read(request: ReadOperation, asker: Asker, leave: ReadLeave): void {
    if (asker.closed) return;
    // A small frame of reads can ask for more than there is memory (C7).
    if (asker.isBehind) {
      asker.refused(request.requestId, TOO_MUCH_UNREAD);
      return;
    }
    if (request.op === Op.range) {
      this.#later(request, asker, async (data) => this.#range(request, data, asker, leave));
      return;
    }
    if (request.op === Op.get && readsMuch(asker)) {
      this.#later(request, asker, async (data) => this.#get(request, data, asker, leave));
      return;
    }
    const data = this.#data();
    if (data === null) asker.refused(request.requestId, this.#refusal());
    else this.#readNow(request, data, asker, leave);
  }

  /** Its lease ended before the answer was there (R19). Of what a majority confirms, the leave lasts: so this comes once. */
  #readAgain(request: ReadOperation, asker: Asker): void {
    const refuse = (): void => asker.refused(request.requestId, this.#refusal());
    const serving = this.#options.serving();
    if (serving === null) refuse();
    else
      serving.group.readByMajority({
        granted: (leave) => this.#read(request, asker, leave),
        refused: refuse,
      });
  }

  #readNow(
    request: Exclude<ReadOperation, RangeRequest>,
    data: ServingData,
    asker: Asker,
    leave: ReadLeave,
  ): void {
    switch (request.op) {
      case Op.get:
        this.#get(request, data, asker, leave);
        return;
      case Op.catalog: {
        const { version, routes } = data.machine.catalog;
        this.#answer(request, asker, leave, catalogReply(request.requestId, version, routes), 0);
        return;
      }
      case Op.leaseList:
      case Op.leaseTimeToLive: {
        // How long a lease has left is the leader's to say: log time goes on there alone (F5).
        if (!data.group.leads) asker.refused(request.requestId, notLeader(data.group.leader));
        else if (request.op === Op.leaseList) this.#leases(request, data, asker, leave);
        else this.#lease(request, data, asker, leave);
      }
    }
  }

  #get(request: GetRequest, { store }: ServingData, asker: Asker, leave: ReadLeave): void {
    const { key, requestId, revision } = request;
    try {
      const entry = revision === 0 ? store.get(key) : store.get(key, { revision });
      const bytes = entry === null ? 0 : entry.value.length;
      const reply = getReply(requestId, revision === 0 ? store.revision : revision, entry);
      this.#answerValues(request, asker, leave, reply, bytes);
    } catch (error) {
      this.#failed(request, error, asker, leave);
    }
  }

  async #range(request: RangeRequest, { store }: ServingData, asker: Asker, leave: ReadLeave): Promise<void> {
    const { limits } = this.#options;
    try {
      const found = await store.range(queryOf(request, limits));
      let bytes = 0;
      for (const { key, value } of found.entries) bytes += key.length + value.length + ENTRY_OVERHEAD_BYTES;
      const reply = rangeReply(request.requestId, found.revision, found);
      this.#answerValues(request, asker, leave, reply, bytes);
    } catch (error) {
      this.#failed(request, error, asker, leave);
    }
  }

  #answer(request: ReadOperation, asker: Asker, leave: ReadLeave, reply: WireReply, bytes: number): void {
    // Behind the reading, never before it: in between this process may have stood still (R19).
    if (leave.holds()) asker.answer(reply, bytes);
    else this.#readAgain(request, asker);
  }

  /** Keys and values: who was given many waits for its turn with the next (C5). */
  #answerValues(
    request: GetRequest | RangeRequest,
    asker: Asker,
    leave: ReadLeave,
    reply: WireReply,
    bytes: number,
  ): void {
    this.#answer(request, asker, leave, reply, bytes);
    if (bytes < LARGE_BYTES) {
      asker.largeAnswerAtMs ??= -Infinity;
      return;
    }
    asker.largeAnswerAtMs = performance.now();
    this.#queue.answered(bytes);
  }

  /** Because of what was read: another state would have brought another answer. */
  #refuse(request: ReadOperation, asker: Asker, leave: ReadLeave, refusal: RequestRefusal): void {
    if (leave.holds()) asker.refused(request.requestId, refusal);
    else this.#readAgain(request, asker);
  }

  #leases(request: LeaseListRequest, { group, machine }: ServingData, asker: Asker, leave: ReadLeave): void {
    const leases = machine.leases(group.logTimeMs);
    const reply = leaseListReply(request.requestId, leases);
    this.#answer(request, asker, leave, reply, leases.length * ENTRY_OVERHEAD_BYTES);
  }

  #lease(
    request: LeaseTimeToLiveRequest,
    { group, machine }: ServingData,
    asker: Asker,
    leave: ReadLeave,
  ): void {
    const { lease, requestId, withKeys } = request;
    const status = machine.lease(lease, group.logTimeMs);
    if (status === null) this.#refuse(request, asker, leave, leaseNotFound(lease));
    else if (!withKeys) this.#answer(request, asker, leave, leaseTimeToLiveReply(requestId, status, []), 0);
    else {
      this.#later(request, asker, async ({ store }) => {
        const { rangeEntries } = this.#options.limits;
        const limit = { maxKeys: rangeEntries, maxBytes: RANGE_REPLY_BYTES };
        try {
          const { keys, more } = await store.keysOfLease(lease, limit);
          if (more) this.#refuse(request, asker, leave, tooManyKeys(rangeEntries));
          else {
            const reply = leaseTimeToLiveReply(requestId, status, keys);
            this.#answer(request, asker, leave, reply, RANGE_REPLY_BYTES);
          }
        } catch (error) {
          this.#failed(request, error, asker, leave);
        }
      });
    }
  }

  /** In its turn, if somebody still waits for it then. */
  #later(
    { deadlineMs, requestId }: ReadOperation,
    asker: Asker,
    read: (data: ServingData) => Promise<void>,
  ): void {
    const waitMs = deadlineMs === 0 ? this.#options.requestTimeoutMs : deadlineMs;
    const expiresAtMs = performance.now() + waitMs;
    const added = this.#queue.add(asker, async () => {
      if (asker.closed) return;
      const data = this.#data();
      if (data === null) asker.refused(requestId, this.#refusal());
      else if (asker.isBehind) asker.refused(requestId, TOO_MUCH_UNREAD);
      else if (performance.now() > expiresAtMs) asker.refused(requestId, TOO_LATE);
      else await read(data);
    });
    if (!added) asker.refused(requestId, TOO_MANY_WAIT);
  }

  /** What can be read now; null when this node has nothing to show, or must not show it (W1). */
  #data(): ServingData | null {
    const serving = this.#options.serving();
    if (serving === null || serving.store === null || serving.data === null) return null;
    return { group: serving.group, store: serving.store, machine: serving.data.replica.machine };
  }

  #failed(request: ReadOperation, error: unknown, asker: Asker, leave: ReadLeave): void {
    const refusal = revisionRefusal(error);
    if (refusal !== null) this.#refuse(request, asker, leave, refusal);
    // A snapshot took the store's place while it was read, or the node ends.
    else if (error instanceof StoreClosedError || error instanceof StoreFailedError) {
      asker.refused(request.requestId, this.#refusal());
    } else throw error;
  }

  #refusal(): RequestRefusal {
    const serving = this.#options.serving();
    if (serving === null) return unavailable(this.#options.whyNot());
    const { group, store } = serving;
    return { code: "UNAVAILABLE", message: whyNoRead(group.hasData, store === null), leader: group.leader };
  }
}

/** Or may: nothing is known of it yet. The clock is asked for those alone who have had a large answer. */
function readsMuch({ largeAnswerAtMs }: Asker): boolean {
  if (largeAnswerAtMs === null) return true;
  return largeAnswerAtMs > 0 && performance.now() - largeAnswerAtMs < LARGE_MS;
}

function whyNoRead(hasData: boolean, noStore: boolean): string {
  if (!hasData) return "this node is a witness: it has no data";
  return noStore
    ? "this node is installing a snapshot"
    : "no leader confirmed the read: none is known, or it has just changed";
}

function tooManyKeys(limit: number): RequestRefusal {
  return { code: "TOO_LARGE", message: "more keys are attached to the lease than fit into a reply", limit };
}

/** One page of what was asked for. A bound of 0 is none. */
function queryOf(request: RangeRequest, limits: Limits): RangeQuery {
  const { countOnly, keysOnly, limit, minCreateRevision, minModRevision, order, range } = request;
  const { maxCreateRevision, maxModRevision, revision } = request;
  const page = limit === 0 ? limits.rangeEntries : Math.min(limit, limits.rangeEntries);
  return {
    range,
    order,
    keysOnly,
    countOnly,
    minModRevision,
    minCreateRevision,
    limit: page,
    maxBytes: Math.min(RANGE_REPLY_BYTES, limits.frameBytes >> 1),
    ...(revision === 0 ? {} : { revision }),
    ...(maxModRevision === 0 ? {} : { maxModRevision }),
    ...(maxCreateRevision === 0 ? {} : { maxCreateRevision }),
  };
}
