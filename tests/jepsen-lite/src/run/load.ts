import { setTimeout as pause } from "node:timers/promises";
import { HistoryRecorder } from "@raftkv/checker";
import type { Answer, Invocation, Operation } from "@raftkv/checker";
import { RaftKvError, connect } from "@raftkv/client";
import type { Client, ConnectOptions } from "@raftkv/client";
import type { Random } from "../power-loss/random.js";

/** The clients' deadline: short enough that faults leave outcomes unknown. */
export const TIMEOUT_MS = 3_000;
/** A call that has a deadline, and has no answer this long after the last fault, hangs. */
const HANG_MS = 60_000;
const CONNECT_RETRY_MS = 200;

/** What a workload throws when it has given up an operation, and nothing of it was done. */
export class NothingDone extends Error {
  override readonly name = "NothingDone";
}

/** When an operation was under way: milliseconds since the run began. */
export interface Span {
  readonly workload: string;
  readonly startMs: number;
  endMs: number | null;
}

/** Asks for one thing; `turn` until the load ends. */
export type Turn = () => Promise<void>;

/** All that clients ask, and what they are told, with one order over all workloads. */
export class Load {
  readonly #recorder = new HistoryRecorder();
  readonly spans: Span[] = [];
  readonly errors = new Map<string, number>();
  readonly #originMs: number;
  readonly #timeoutMs: number;
  readonly #endpoints: () => readonly string[];
  readonly #clients = new Set<Client>();
  readonly #loops: Promise<void>[] = [];
  readonly #alongside = new Set<Promise<void>>();
  readonly #end = new AbortController();
  /** What no client may throw, and did. */
  failure: Error | null = null;
  #processes = 0;
  /** Operations that were called after this and answered, by workload. */
  #since = { call: Number.POSITIVE_INFINITY, answered: new Map<string, number>() };

  /** @param endpoints where clients are told to look, when they are told. */
  constructor(endpoints: () => readonly string[], originMs: number, timeoutMs = TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
    this.#endpoints = endpoints;
    this.#originMs = originMs;
  }

  get isEnding(): boolean {
    return this.#end.signal.aborted;
  }

  /** Aborted when no more is to be asked. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints();
  }

  nowMs(): number {
    return performance.now() - this.#originMs;
  }

  /** A client, as soon as a node takes one. @throws {RaftKvError} the load ended before. */
  async client(options: Partial<ConnectOptions> = {}): Promise<Client> {
    for (;;) {
      try {
        const client = await connect({
          endpoints: [...this.#endpoints()],
          timeoutMs: this.#timeoutMs,
          ...options,
        });
        this.#clients.add(client);
        return client;
      } catch (error) {
        if (!(error instanceof RaftKvError) || this.isEnding) throw error;
        await pause(CONNECT_RETRY_MS);
      }
    }
  }

  newProcess(): number {
    this.#processes += 1;
    return this.#processes - 1;
  }

  /** Takes turns until the load ends, with random pauses of up to `pauseMs` between them. */
  loop(random: Random, pauseMs: number, turn: Turn): void {
    const run = async (): Promise<void> => {
      while (!this.isEnding) {
        await turn();
        await pause(random.below(pauseMs + 1));
      }
    };
    this.#loops.push(run().catch((error: unknown) => this.#fail(error as Error)));
  }

  /** Waits for it at the end as for a loop. */
  alongside(act: () => Promise<void>): void {
    const promise = act().catch((error: unknown) => this.#fail(error as Error));
    this.#alongside.add(promise);
    void promise.then(() => this.#alongside.delete(promise));
  }

  /**
   * Records an operation, whatever becomes of it. Only OUTCOME_UNKNOWN leaves it open: every other code promises that nothing
   * was done. Returns what it answered, or null.
   */
  async ask<A extends Answer>(
    workload: string,
    process: number,
    invocation: Invocation,
    act: () => Promise<A>,
  ): Promise<A | null> {
    const id = this.#recorder.call(process, invocation);
    const span: Span = { workload, startMs: this.nowMs(), endMs: null };
    this.spans[id] = span;
    try {
      const answer = await act();
      this.#recorder.ok(id, answer);
      span.endMs = this.nowMs();
      if (id >= this.#since.call) {
        const { answered } = this.#since;
        answered.set(workload, (answered.get(workload) ?? 0) + 1);
      }
      return answer;
    } catch (error) {
      span.endMs = this.nowMs();
      if (error instanceof NothingDone) return (this.#recorder.fail(id), null);
      if (!(error instanceof RaftKvError)) throw error;
      if (error.outcomeKnown) this.#recorder.fail(id);
      else this.#recorder.unknown(id);
      this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
      return null;
    }
  }

  /** From here on it is counted what is called and answered. */
  countFromNow(): void {
    this.#since = { call: this.spans.length, answered: new Map() };
  }

  answeredSince(workload: string): number {
    return this.#since.answered.get(workload) ?? 0;
  }

  /** Asks for no more, and waits for what is under way. @throws {Error} a call hangs, or a client threw what it must not. */
  async rest(): Promise<void> {
    this.#end.abort();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), HANG_MS);
    });
    const outcome = await Promise.race([this.#restful(), late]);
    clearTimeout(timer);
    if (this.failure !== null) throw this.failure;
    if (outcome !== "late") return;
    const open = this.history().filter((_, id) => this.spans[id]?.endMs === null);
    const told = open.map(
      ({ call, key, op, process }) => `process ${process}: ${op} of ${key} (call ${call})`,
    );
    throw new Error(`no answer ${HANG_MS} ms after the last fault, each has a deadline: ${told.join("; ")}`);
  }

  /** By the numbers of `spans`. */
  history(): Operation[] {
    return this.#recorder.history();
  }

  historyOf(workload: string): Operation[] {
    return this.history().filter((_, id) => this.spans[id]?.workload === workload);
  }

  async #restful(): Promise<void> {
    await Promise.all(this.#loops);
    await Promise.all(this.#alongside);
  }

  #fail(error: Error): void {
    this.failure ??= error;
    this.#end.abort();
  }

  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all([...this.#clients].map((client) => client.close()));
  }
}
