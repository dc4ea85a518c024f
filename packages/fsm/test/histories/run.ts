import { expect } from "chai";
import { assert, asyncProperty } from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { history } from "./history.js";
import { Replica } from "./replica.js";
import { resolve } from "./resolve.js";

export interface RunOptions {
  readonly runs: number;
  readonly seed: number;
  /** Of a failure, to try that history alone; null for all. */
  readonly path: string | null;
  /** Whether a failure is made as small as it gets, which takes its time. */
  readonly shrink: boolean;
  readonly onRun: () => void;
}

/**
 * Histories of two replicas against the model, and against each other.
 * @throws {Error} with the smallest history that fails, and the line that runs it again.
 */
export async function runHistories({ runs, seed, path, shrink, onRun }: RunOptions): Promise<void> {
  const property = asyncProperty(history, async ({ entries, replicas }) => {
    const told = resolve(entries);
    const root = await mkdtemp(join(tmpdir(), "raftkv-fsm-"));
    try {
      const hashes: string[] = [];
      for (const [i, spec] of replicas.entries()) {
        const replica = await Replica.open(join(root, `${i}`), spec, told);
        hashes.push(await replica.live());
      }
      expect(hashes[1], "the replicas' hashes").to.equal(hashes[0]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
    onRun();
  });
  try {
    await assert(property, {
      numRuns: runs,
      seed,
      endOnFailure: !shrink,
      ...(path === null ? {} : { path }),
    });
  } catch (error) {
    const found = /path: "([^"]*)"/u.exec(error instanceof Error ? error.message : "")?.[1] ?? path ?? "";
    const again = `npm run fsm:histories -- --seed ${seed} --path ${found}`;
    throw new Error(`a history fails; again: ${again}`, { cause: error });
  }
}
