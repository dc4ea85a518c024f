import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { straceRun } from "./strace.js";

export const MODES = ["sync", "nosync"] as const;
export const CALLS = [
  "applyMutations",
  "deletePrefixAt",
  "applyMutationsRaft",
  "deletePrefixAtRaft",
] as const;
export type WriteCall = (typeof CALLS)[number];

/** How often each call is made; more than once, so that a sync too few or too many for each shows as such. */
export const CALLS_EACH = 10;

/** A direct write syncs its batch; the checkpoint that ends it syncs the barrier behind the memtable (S2, S6). Latest versions are in tables, not there. */
const SYNCS_OF_DIRECT = 2;

/** The syncs of LevelDB's own log that one kind of call cost. */
export interface CallSyncs {
  readonly mode: (typeof MODES)[number];
  readonly call: WriteCall;
  readonly syncs: number;
  readonly expected: number;
}

/** What the `sync` options that the store gives LevelDB come to: a synced batch is one sync of its log. */
function expectedSyncs(mode: string, call: WriteCall): number {
  const each = call.endsWith("Raft") ? (mode === "sync" ? 1 : 0) : SYNCS_OF_DIRECT;
  // The direct write that fills the store comes before.
  return SYNCS_OF_DIRECT + CALLS_EACH * each;
}

/** Counts what the four write calls of a real store sync in each mode, seen from outside (S6). */
export async function checkWriteCalls(): Promise<CallSyncs[]> {
  const dir = mkdtempSync(join(tmpdir(), "raftkv-write-calls-"));
  try {
    const main = fileURLToPath(new URL("write-calls-main.js", import.meta.url));
    const seen = await straceRun([process.execPath, main, dir], join(dir, "trace"), "fsync,fdatasync");
    return MODES.flatMap((mode) =>
      CALLS.map((call) => {
        const log = new RegExp(`/${mode}/${call}/store-\\d+/\\d+\\.log$`);
        const syncs = seen.filter(({ result, target }) => result === 0 && log.test(target)).length;
        return { mode, call, syncs, expected: expectedSyncs(mode, call) };
      }),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
