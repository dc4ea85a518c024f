import type { Job } from "../loader/protocol.js";
import type { LoaderCommand } from "../loader/process.js";

export type SideName = "raftkv" | "etcd" | "nats" | "echo";

export interface StartOptions {
  /** Empty, and there; everything that the servers write goes into it. */
  readonly directory: string;
  readonly nodes: number;
  readonly signal: AbortSignal;
  /** Where profiles of the CPU go; null: none are made. Only raftkv's nodes can. */
  readonly profileDirectory: string | null;
}

/** Somebody whom the same load is put on. */
export interface Side {
  readonly name: SideName;
  /** How it is called in tables. */
  readonly title: string;
  /** Whether its loader can do this. */
  can(job: Job): boolean;
  /** Why its writes are not synced before they are acknowledged; null: they are, and its counter must show it. */
  readonly unsynced: string | null;
  /** Null when it can run here, else what is missing and how to get it. */
  missing(): string | null;
  /** Once a run, before anything is measured. */
  prepare(): Promise<void>;
  version(): string;
  start(options: StartOptions): Promise<RunningSide>;
}

export interface ServerCounters {
  /** Synced writes of each server since it began. */
  readonly fsyncs: readonly number[];
  /** The longest that the event loop of any of them was late since this was asked last; null where there is none. */
  readonly lagMicros: number | null;
}

export interface RunningSide {
  /** The way to the servers on which this side is fastest. */
  readonly loader: LoaderCommand;
  /** Of the servers that were started last, by name. */
  pids(): ReadonlyMap<string, number>;
  /** What the servers count themselves; null when they count nothing of it. */
  counters(): Promise<ServerCounters | null>;
  /** @throws {Error} nobody leads. */
  leader(): Promise<string>;
  signal(name: string, signal: NodeJS.Signals): void;
  /** Starts a server that has ended on its old data, and returns once the process is there. */
  restart(name: string): Promise<void>;
  /** A loader that knows these servers only. */
  loaderOf(names: readonly string[]): LoaderCommand;
  /** Where HTTP is answered. */
  address(name: string): string;
  /** Whether this server, asked by itself, answers a linearizable read. */
  isServing(name: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** A side that cannot run here, or could not be started. */
export class SideError extends Error {
  override readonly name = "SideError";
  readonly code = "SIDE_FAILED";
}
