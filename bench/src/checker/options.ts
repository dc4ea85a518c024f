import { parseArgs } from "node:util";
import { UsageError } from "../options.js";

export const HELP = `Usage: npm run bench:checker -- [options]

Makes histories of clients that use correct objects at the same time, lets the checkers judge them, and prints how long that
took. Then the same with one answer made wrong, the explanation included.

  --operations N    operations in each history               100000
  --processes N     processes that ask at the same time      10
  --keys N          keys                                     100
  --cas RATIO       share of compare-and-sets, of a register 0.2
  --unknown RATIO   share of unknown outcomes                0.05
  --values N        different values of the register and the store, 0: every one is different   5
  --seed N          the same seed makes the same histories   a new one
  --json FILE       write the figures there as well
  --help

It exits 1 when a verdict is wrong.
`;

export interface CheckerBenchOptions {
  readonly operations: number;
  readonly processes: number;
  readonly keys: number;
  readonly cas: number;
  readonly unknown: number;
  /** 0: every value is different. */
  readonly values: number;
  readonly seed: number;
  readonly jsonFile: string | null;
}

const TEXT = { type: "string" } as const;
const OPTIONS = {
  operations: TEXT,
  processes: TEXT,
  keys: TEXT,
  cas: TEXT,
  unknown: TEXT,
  values: TEXT,
  seed: TEXT,
  json: TEXT,
  help: { type: "boolean" },
} as const;

const SEED_MAX = 2 ** 31;

/** @returns `null` when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[]): CheckerBenchOptions | null {
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help ?? false) return null;
  return {
    operations: whole("operations", values.operations ?? "100000", 1, 100_000_000),
    processes: whole("processes", values.processes ?? "10", 1, 100_000),
    keys: whole("keys", values.keys ?? "100", 1, 10_000_000),
    cas: number("cas", values.cas ?? "0.2", 0, 1),
    unknown: number("unknown", values.unknown ?? "0.05", 0, 1),
    values: whole("values", values.values ?? "5", 0, 1_000_000_000),
    seed: whole("seed", values.seed ?? String(Math.floor(Math.random() * SEED_MAX)), 0, SEED_MAX),
    jsonFile: values.json ?? null,
  };
}

function number(name: string, value: string, min: number, max: number): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed >= min && parsed <= max) return parsed;
  throw new UsageError(`--${name} ${value}: a number from ${min} to ${max} is wanted`);
}

function whole(name: string, value: string, min: number, max: number): number {
  const parsed = number(name, value, min, max);
  if (Number.isInteger(parsed)) return parsed;
  throw new UsageError(`--${name} ${value}: a whole number is wanted`);
}
