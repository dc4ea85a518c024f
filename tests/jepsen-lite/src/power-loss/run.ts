import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Life } from "./life.js";
import { NodeFailure } from "./nodes.js";
import { CONTROLS, MEMTABLE_BYTES, memtablePatch, patchedEnv } from "./patches.js";
import type { Control, Patch } from "./patches.js";
import { Random } from "./random.js";

/** After so many cuts a cluster ends, and the next begins with other settings. */
const ROUNDS_OF_A_LIFE = 20;

export type Mode = "sync" | "nosync";

export interface RunOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Null: one cluster after the other, in turn. */
  readonly mode: Mode | null;
  readonly control: Control | null;
  /** As of a cut. */
  readonly ordered: boolean;
  /** Where the clusters are kept. */
  readonly dir: string;
  readonly shim: string;
  /** False: no further round. */
  readonly onRound: (round: RoundReport) => boolean;
}

export interface RoundReport {
  readonly round: number;
  /** Of the cluster: a run with this seed begins with the same settings and choices. */
  readonly seed: number;
  readonly mode: Mode;
  readonly cuts: number;
  readonly snapshots: number;
  readonly seconds: number;
  readonly acknowledged: number;
  readonly wrong: readonly string[];
  /** What is left of a cluster that lost something. */
  readonly keptIn: string | null;
}

export interface RunResult {
  readonly rounds: number;
  readonly cuts: number;
  /** Rounds after which something was lost, or differed. */
  readonly lost: number;
}

/** Runs round after round. A cluster that lost something is kept for a closer look, and the next round begins another. */
export async function run(options: RunOptions): Promise<RunResult> {
  let [rounds, cuts, lost] = [0, 0, 0];
  for (let cluster = 0; rounds < options.rounds; cluster += 1) {
    const seed = options.seed + cluster;
    const mode = options.mode ?? (seed % 2 === 0 ? "sync" : "nosync");
    const roundsMax = Math.min(ROUNDS_OF_A_LIFE, options.rounds - rounds);
    for await (const report of liveOnce(options, { seed, mode, rounds: roundsMax })) {
      rounds += 1;
      cuts += report.cuts;
      if (report.wrong.length > 0) lost += 1;
      if (!options.onRound({ ...report, round: rounds })) return { rounds, cuts, lost };
    }
  }
  return { rounds, cuts, lost };
}

/** One cluster from its beginning to its end, or to the first round that shows something wrong. */
async function* liveOnce(
  { control, dir, ordered, shim }: RunOptions,
  { mode, rounds, seed }: { readonly mode: Mode; readonly rounds: number; readonly seed: number },
): AsyncGenerator<Omit<RoundReport, "round">> {
  const random = new Random(seed);
  const own = join(dir, `seed-${seed}`);
  mkdirSync(own, { recursive: true });
  const env = {
    FSM_SYNC_MODE: mode,
    ...settings(random),
    ...patchedEnv(patches(control, random), `${own}.patches`),
  };
  const report = { seed, mode };
  let life: Life;
  try {
    life = await Life.begin({ dir: own, shim, env, random, ordered });
  } catch (error) {
    if (!(error instanceof NodeFailure)) throw error;
    yield {
      ...report,
      cuts: 0,
      snapshots: 0,
      seconds: 0,
      acknowledged: 0,
      wrong: [error.message],
      keptIn: own,
    };
    return;
  }
  let sound = false;
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const startedMs = performance.now();
      const { cuts, snapshots, wrong } = await life.round(round === rounds ? "all" : "recent");
      const seconds = (performance.now() - startedMs) / 1_000;
      sound = wrong.length === 0;
      yield {
        ...report,
        cuts,
        snapshots,
        seconds,
        acknowledged: life.acknowledged,
        wrong,
        keptIn: sound ? null : own,
      };
      if (!sound) return;
    }
  } finally {
    await life.end({ keep: !sound });
  }
}

/** Small limits, so that segments, checkpoints and compactions come often and together. */
function settings(random: Random): NodeJS.ProcessEnv {
  return {
    RAFTKV_WAL_SEGMENT_BYTES: random.pick(["64KiB", "256KiB", "1MiB", "4MiB"]),
    RAFTKV_WAL_SEAL_AFTER_MS: random.pick(["1", "20", "100"]),
    RAFTKV_WAL_MEMTABLE_BYTES: random.pick(["64KiB", "1MiB", "64MiB"]),
    RAFTKV_CHECKPOINT_BYTES: random.pick(["64KiB", "1MiB", "64MiB"]),
    RAFTKV_CHECKPOINT_ENTRIES: random.pick(["100", "1000", "200000"]),
    RAFTKV_CHECKPOINT_INTERVAL_MS: random.pick(["100", "1000", "60000"]),
    RAFTKV_LOG_KEEP_ENTRIES: random.pick(["0", "500", "100000"]),
    RAFTKV_LOG_KEEP_BYTES: random.pick(["0", "256KiB", "256MiB"]),
    RAFTKV_LOG_KEEP_ACTIVE_BYTES: random.pick(["0", "256KiB", "1GiB"]),
    RAFTKV_SNAPSHOT_BYTES_PER_SECOND: random.pick(["1MiB", "8MiB", "32MiB"]),
    RAFTKV_MAX_LEASE_EXPIRY_KEYS: random.pick(["1", "10000"]),
    RAFTKV_MAX_RESULT_BYTES: random.pick(["1", "1MiB"]),
    RAFTKV_STORE_CACHE_BYTES: random.pick(["0", "64KiB", "64MiB"]),
  };
}

function patches(control: Control | null, random: Random): readonly Patch[] {
  // With the memtable as it is shipped, half of the time.
  const memtable = random.chance(0.5) ? [] : [memtablePatch(random.pick(MEMTABLE_BYTES))];
  return control === null ? memtable : [...memtable, ...CONTROLS[control]];
}
