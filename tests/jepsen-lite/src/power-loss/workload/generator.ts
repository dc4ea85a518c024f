import { RaftKvError } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import type { Random } from "../random.js";
import type { Wire } from "./wire.js";

/** How much of what was promised is looked at: what is recent and a part of the rest, or all of it. */
export type Depth = "recent" | "all";

/** How the cluster is reached. */
export interface Reach {
  readonly client: Client;
  /** Of the nodes. */
  readonly endpoints: readonly string[];
  /** `performance.now()` before the nodes were started behind the last cut of all of them: the first time, and the last. */
  readonly startedMs: { readonly first: number; readonly last: number };
  /** A way of its own for who decides itself what is sent again. Closed when the stretch or the check ends. */
  wire(): Wire;
}

/**
 * One kind of load. It remembers over the rounds of a cluster's life what it was promised, and what it does not know; what the
 * clients of one generator use, no other touches.
 */
export interface Generator {
  readonly name: string;
  /** Operations that were acknowledged so far. */
  readonly acknowledged: number;
  /** Loads the cluster until `load.stopped`. Failures of single operations are remembered, not thrown. */
  run(load: Load): Promise<void>;
  /** Compares what it was promised with what the cluster shows, and settles what it did not know. Resolves with what is wrong. */
  check(reach: Reach, random: Random, depth: Depth): Promise<string[]>;
}

/** One stretch of load between two cuts. */
export interface Load extends Reach {
  readonly random: Random;
  readonly stopped: boolean;
  /** Something was seen that must not be, while the cluster ran. */
  found(what: string): void;
}

export type Outcome<T> =
  | { readonly kind: "done"; readonly result: T }
  | { readonly kind: "unknown" | "refused"; readonly error: RaftKvError };

/** What became of an operation. Refused: certainly nothing was done (C1). */
export async function outcomeOf<T>(operation: Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: "done", result: await operation };
  } catch (error) {
    if (!(error instanceof RaftKvError)) throw error;
    return { kind: error.outcomeKnown ? "refused" : "unknown", error };
  }
}
