import { AsyncLocalStorage } from "node:async_hooks";
import { RaftKvError } from "@raftkv/protocol";
import { TxnCall } from "./calls/txn-call.js";
import { Chain, brokenError } from "./chain.js";
import type { Dispatcher } from "./dispatcher.js";
import { checkOperation } from "./operations.js";
import type { Operation } from "./operations.js";
import { toCallback, toMilliseconds, toSignal } from "./options.js";
import type { RequestOptions } from "./options.js";
import { patiently } from "./patience.js";
import type { TxnResult } from "./txn.js";

/** Told what became of a batch: of the two one is null. The next one is told when what it returns has settled. */
export type AppendCallback = (result: TxnResult | null, error: RaftKvError | null) => unknown;

export interface AppenderOptions {
  /** Batches that may be under way at the same time. 2; less than 1 is taken for 1, more than 16 for 16. */
  readonly pipelineSize?: number;
  /** Told of every batch that has no callback of its own. */
  readonly defaultCallback?: AppendCallback;
  /** How long a batch is tried, from its acceptance on, before its outcome is unknown. 30,000 ms. */
  readonly batchTimeoutMs?: number;
}

const PIPELINE_SIZE = { default: 2, min: 1, max: 16 };

/** Which callback the code that runs now was called from. */
const running = new AsyncLocalStorage<{ readonly appender: Appender; isOver: boolean }>();

/** A batch from its call until its callback has run. */
class Batch {
  readonly call: TxnCall;
  readonly callback: AppendCallback | null;
  answer: { readonly result: TxnResult | null; readonly error: RaftKvError | null } | null = null;
  readonly onAnswered: (() => void)[] = [];
  readonly onTold: (() => void)[] = [];

  constructor(call: TxnCall, callback: AppendCallback | null) {
    this.call = call;
    this.callback = callback;
  }
}

interface Waiter {
  readonly batch: Batch;
  readonly accept: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * One ordered stream of batches, each of them atomic. Several are under way at the same time, and the cluster carries
 * them out in the order in which they were accepted, each once, over reconnects and changes of the leader. When one
 * fails nothing behind it is carried out, and the appender has come to its end.
 *
 * Callbacks run one at a time, in that order (C3). A batch that is refused before it is accepted (INVALID_ARGUMENT,
 * TOO_LARGE, TIMEOUT) never was in the stream, and does it no harm.
 */
export class Appender {
  readonly pipelineSize: number;
  readonly #dispatcher: Dispatcher;
  readonly #defaultCallback: AppendCallback | null;
  readonly #batchTimeoutMs: number;
  readonly #chain = new Chain();
  /** Accepted, in their order, until their callback begins to run. */
  readonly #batches: Batch[] = [];
  /** The one whose callback runs now. */
  #told: Batch | null = null;
  /** Those of them without an answer. */
  #unanswered = 0;
  #waiters: Waiter[] = [];
  /** Appends from inside a callback: they go first, for those outside may wait for that callback. */
  #insiders: Waiter[] = [];
  #failure: RaftKvError | null = null;
  #closed = false;
  #isTelling = false;

  /** Use `client.appender`. */
  constructor(dispatcher: Dispatcher, options: AppenderOptions) {
    const size = Math.trunc(options.pipelineSize ?? PIPELINE_SIZE.default);
    this.pipelineSize = Math.min(PIPELINE_SIZE.max, Math.max(PIPELINE_SIZE.min, size || PIPELINE_SIZE.min));
    this.#dispatcher = dispatcher;
    this.#defaultCallback = toCallback("defaultCallback", options.defaultCallback);
    this.#batchTimeoutMs = toMilliseconds("batchTimeoutMs", options.batchTimeoutMs, 30_000);
  }

  /**
   * Appends a batch. With a callback it resolves once the batch is accepted, which is at once unless the pipeline is
   * full; what became of it the callback is told. Without, it resolves with what became of it. The options are about
   * the wait for acceptance.
   * @throws {RaftKvError} CLOSED: the appender was closed, or an earlier batch failed (then with its error as `cause`);
   *   TIMEOUT, TOO_LARGE, INVALID_ARGUMENT: it was not accepted. Without a callback also as `client.put`, and
   *   SESSION_EXPIRED: neither it nor any after it was carried out.
   */
  append(operations: readonly Operation[]): Promise<TxnResult>;
  append(operations: readonly Operation[], callback: AppendCallback, options?: RequestOptions): Promise<void>;
  append(
    operations: readonly Operation[],
    callback: AppendCallback | null = null,
    options: RequestOptions = {},
  ): Promise<unknown> {
    if (callback !== null) return this.#accept(operations, callback, options);
    return new Promise((resolve, reject) => {
      const byDefault = this.#defaultCallback;
      const onTold: AppendCallback = (result, error) => {
        if (error === null) resolve(result);
        else reject(error);
        return byDefault?.(result, error);
      };
      this.#accept(operations, onTold, options).catch(reject);
    });
  }

  /**
   * Resolves when everything that was appended before is durable, and its callbacks have run; called from inside a
   * callback it does not wait for callbacks. Nothing ends.
   * @throws {RaftKvError} what the first batch that failed ended with; TIMEOUT: there is no answer to everything yet.
   */
  async flush(options: RequestOptions = {}): Promise<void> {
    await patiently(this.#settled(), options, notSettled);
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Accepts nothing more, and refuses what waits to be accepted with CLOSED. Resolves when everything that was accepted
   * has its answer, and its callbacks have run; called from inside a callback it does not wait for callbacks (C4).
   * @throws {RaftKvError} TIMEOUT: it is closed, and there is no answer to everything yet.
   */
  async close(options: RequestOptions = {}): Promise<void> {
    this.#closed = true;
    this.#refuseWaiters(closedError());
    await patiently(this.#settled(), options, notSettled);
  }

  get #isInside(): boolean {
    const store = running.getStore();
    return store !== undefined && store.appender === this && !store.isOver;
  }

  #accept(
    operations: readonly Operation[],
    callback: AppendCallback,
    { timeoutMs, signal }: RequestOptions,
  ): Promise<void> {
    const isInside = this.#isInside;
    return new Promise((resolve, reject) => {
      toCallback("the callback", callback);
      toSignal(signal);
      if (this.#closed) throw closedError();
      if (this.#failure !== null) throw brokenError(this.#failure);
      signal?.throwIfAborted();
      const batch = new Batch(toCall(operations, this.#dispatcher), callback);
      const others = isInside ? this.#insiders : this.#waiters;
      if (others.length === 0 && this.#hasRoom(isInside)) {
        this.#send(batch);
        resolve();
        return;
      }
      const waitMs = toMilliseconds("timeoutMs", timeoutMs, 0);
      const onAbort = (): void => giveUp(signal?.reason);
      const timer = waitMs === 0 ? null : setTimeout(() => giveUp(noRoomError(waitMs)), waitMs);
      const end = (): void => {
        if (timer !== null) clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        batch,
        accept: () => {
          end();
          resolve();
        },
        refuse: (error) => {
          end();
          reject(error);
          for (const listener of [...batch.onAnswered, ...batch.onTold]) listener();
        },
      };
      const giveUp = (error: unknown): void => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        this.#insiders = this.#insiders.filter((one) => one !== waiter);
        waiter.refuse(error);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      others.push(waiter);
    });
  }

  /** Outside of callbacks those that wait for their callback count as well, so that slow ones hold up the stream. */
  #hasRoom(isInside: boolean): boolean {
    if (this.#unanswered >= this.pipelineSize) return false;
    return isInside || this.#batches.length - this.#unanswered < this.pipelineSize;
  }

  #send(batch: Batch): void {
    this.#batches.push(batch);
    this.#unanswered += 1;
    this.#dispatcher.submit(batch.call, this.#batchTimeoutMs, null, this.#chain).then(
      (result) => this.#answered(batch, result as TxnResult, null),
      (error: unknown) => this.#answered(batch, null, error as RaftKvError),
    );
  }

  /** Its place in the pipeline is free from here on, before its callback runs (C3). */
  #answered(batch: Batch, result: TxnResult | null, error: RaftKvError | null): void {
    batch.answer = { result, error };
    this.#unanswered -= 1;
    for (const listener of batch.onAnswered) listener();
    if (error !== null && this.#failure === null) {
      this.#failure = error;
      this.#refuseWaiters(brokenError(error));
    }
    this.#admit();
    if (!this.#isTelling) void this.#tell();
  }

  #admit(): void {
    while (this.#insiders.length > 0 && this.#hasRoom(true)) this.#admitFirst(this.#insiders);
    while (this.#waiters.length > 0 && this.#hasRoom(false)) this.#admitFirst(this.#waiters);
  }

  #admitFirst(waiters: Waiter[]): void {
    const waiter = waiters.shift();
    if (waiter === undefined) return;
    this.#send(waiter.batch);
    waiter.accept();
  }

  #refuseWaiters(error: RaftKvError): void {
    const waiters = [...this.#insiders, ...this.#waiters];
    this.#insiders = [];
    this.#waiters = [];
    for (const waiter of waiters) waiter.refuse(error);
  }

  /** Runs callbacks, one at a time, in the order of their batches. */
  async #tell(): Promise<void> {
    this.#isTelling = true;
    for (;;) {
      const batch = this.#batches[0];
      const answer = batch?.answer ?? null;
      if (batch === undefined || answer === null) break;
      this.#batches.shift();
      this.#told = batch;
      this.#admit();
      const store = { appender: this, isOver: false };
      try {
        const returned = running.run(store, () => batch.callback?.(answer.result, answer.error));
        if (returned instanceof Promise) await returned;
      } catch (error) {
        // The application's mistake: it surfaces as it would from a listener of its own, and the stream goes on (J).
        queueMicrotask(() => {
          throw error;
        });
      }
      store.isOver = true;
      this.#told = null;
      for (const listener of batch.onTold) listener();
    }
    this.#isTelling = false;
  }

  /** Everything so far has its answer, and has been told; from inside a callback: has its answer. */
  async #settled(): Promise<void> {
    const waiting = [...this.#insiders, ...this.#waiters].map(({ batch }) => batch);
    const isInside = this.#isInside;
    const told = this.#told === null || isInside ? [] : [this.#told];
    const all = [...told, ...this.#batches, ...waiting].map((batch) => {
      if (isInside && batch.answer !== null) return Promise.resolve();
      const listeners = isInside ? batch.onAnswered : batch.onTold;
      return new Promise<void>((resolve) => listeners.push(resolve));
    });
    await Promise.all(all);
  }
}

/** @throws {RaftKvError} INVALID_ARGUMENT, TOO_LARGE. */
function toCall(operations: readonly Operation[], dispatcher: Dispatcher): TxnCall {
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new RaftKvError("INVALID_ARGUMENT", "a batch is an array of at least one operation");
  }
  const ops = (operations as readonly Operation[]).map(checkOperation);
  const call = new TxnCall({
    txn: { compares: [], then: ops.map(({ op }) => op), else: [] },
    then: ops,
    else: [],
  });
  dispatcher.check(call);
  return call;
}

function notSettled(waitMs: number): string {
  return `not every batch was answered, and its callback run, within ${waitMs} ms: they go on`;
}

function closedError(): RaftKvError {
  return new RaftKvError("CLOSED", "the appender is closed");
}

function noRoomError(waitMs: number): RaftKvError {
  return new RaftKvError("TIMEOUT", `the pipeline was full for ${waitMs} ms: the batch was not accepted`);
}
