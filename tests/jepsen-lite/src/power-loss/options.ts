import { parseArgs } from "node:util";
import { CONTROLS } from "./patches.js";
import type { Control } from "./patches.js";
import type { Mode } from "./run.js";

const ROUNDS_MAX = 100_000;
const SEED_MAX = 2 ** 31;

export const USAGE = `usage: npm run power-loss -- [options]

Three nodes under load lose power in the same moment, again and again, each over a disk that keeps only what was synced.

  --rounds N         power cuts, at least; some rounds cut a second time while the nodes start (default 20)
  --seed S           of all choices (default: another one each time; it is printed)
  --mode MODE        FSM_SYNC_MODE, sync or nosync (default: one cluster after the other)
  --control NAME     break the nodes on purpose, until it is noticed: ${Object.keys(CONTROLS).join(", ")}
  --unordered        a file may keep what it grew by when names that were made before are lost. File systems with a journal
                     do not do that, and LevelDB does not stand it
  --dir DIR          the clusters live in a new directory below this one (default: the system's temporary one)

Exit code 0: nothing was lost. 1: something acknowledged was lost, or replicas differ. 2: a wrong option. 77: skipped.
`;

export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Options {
  readonly rounds: number;
  readonly seed: number;
  readonly mode: Mode | null;
  readonly control: Control | null;
  readonly ordered: boolean;
  readonly dir: string | null;
  readonly help: boolean;
}

/** @throws {UsageError} an argument that is not in the usage. */
export function parseOptions(args: readonly string[]): Options {
  const { control, dir, help, mode, rounds, seed, unordered } = parse(args);
  if (mode !== undefined && mode !== "sync" && mode !== "nosync")
    throw new UsageError(`--mode is "${mode}", but must be sync or nosync`);
  if (control !== undefined && !isControl(control))
    throw new UsageError(`--control is "${control}", but must be one of ${Object.keys(CONTROLS).join(", ")}`);
  return {
    rounds: wholeNumber("rounds", rounds, ROUNDS_MAX) ?? 20,
    seed: wholeNumber("seed", seed, SEED_MAX) ?? 1 + Math.floor(Math.random() * 1_000_000),
    mode: mode ?? null,
    control: control ?? null,
    ordered: unordered !== true,
    dir: dir ?? null,
    help: help ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string" },
        seed: { type: "string" },
        mode: { type: "string" },
        control: { type: "string" },
        unordered: { type: "boolean" },
        dir: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function isControl(name: string): name is Control {
  return Object.hasOwn(CONTROLS, name);
}

function wholeNumber(name: string, text: string | undefined, max: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} is "${text}", but must be a whole number from 1 to ${max}`);
}
