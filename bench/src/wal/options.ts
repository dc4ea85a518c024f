import { parseArgs } from "node:util";
import { UsageError } from "../options.js";

export const HELP = `Usage: npm run bench:wal -- [options]

Appends to a log, without a cluster around it: entries and bytes per second for several sizes, with several appends in
flight, with memtable and WAL-only, beside a raw loop of write and fdatasync on the same disk. Then it reads a log back.

  --seconds S          how long each cell of the table is measured        1
  --replay-entries N   entries of 256 bytes in the log that is read back  1000000
  --grow-gib N         also: memory while a log grows to N GiB            0
  --segments           instead of all that: a batch at a time into files that are zero-filled, recycled, growing,
                       with fdatasync and with O_DSYNC, in turns
  --rounds N           of --segments: 20 batches in each way each       100
  --dir DIR            where the files are made, on the disk to measure   the system's temporary folder
  --json FILE          write the figures there as well
  --help
`;

export interface WalBenchOptions {
  readonly seconds: number;
  readonly replayEntries: number;
  readonly growGib: number;
  readonly segments: boolean;
  readonly rounds: number;
  /** `null`: the system's. */
  readonly dir: string | null;
  readonly jsonFile: string | null;
}

const TEXT = { type: "string" } as const;
const OPTIONS = {
  seconds: TEXT,
  "replay-entries": TEXT,
  "grow-gib": TEXT,
  segments: { type: "boolean" },
  rounds: TEXT,
  dir: TEXT,
  json: TEXT,
  help: { type: "boolean" },
} as const;

/** @returns `null` when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[]): WalBenchOptions | null {
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help ?? false) return null;
  const replayEntries = number("replay-entries", values["replay-entries"] ?? "1000000", 0, 100_000_000);
  if (!Number.isInteger(replayEntries)) throw new UsageError("--replay-entries: a whole number is wanted");
  const rounds = number("rounds", values.rounds ?? "100", 1, 1_000);
  if (!Number.isInteger(rounds)) throw new UsageError("--rounds: a whole number is wanted");
  return {
    segments: values.segments ?? false,
    rounds,
    seconds: number("seconds", values.seconds ?? "1", 0.05, 3_600),
    replayEntries,
    growGib: number("grow-gib", values["grow-gib"] ?? "0", 0, 1_024),
    dir: values.dir ?? null,
    jsonFile: values.json ?? null,
  };
}

function number(name: string, value: string, min: number, max: number): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed >= min && parsed <= max) return parsed;
  throw new UsageError(`--${name} ${value}: a number from ${min} to ${max} is wanted`);
}
