import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import type { StoreOptions } from "@raftkv/store";
import { UsageError } from "../options.js";

export const HELP = `Usage: npm run bench:store -- [options]

Fills a store with keys, without a log or a cluster around it, and measures puts, gets, scans, memory, disk and
opening; each size in a process of its own. 10,000,000 keys of 256 bytes take about 8 GB of disk and several minutes.

  --keys LIST        sizes                                        10000,100000,1000000
  --value-bytes N    size of a value                              256
  --puts N           overwrites that are measured                 200000
  --gets N           gets that are measured, of each kind         200000
  --batch N          entries applied at once                      128
  --set NAME=NUMBER  an option of the store, such as inlineValueBytesMax or cacheBytes; may be given several times
  --dir DIR          where the stores are made                    the system's temporary folder
  --json FILE        write the figures there as well
  --help
`;

export interface StoreBenchOptions {
  readonly keys: readonly number[];
  readonly valueBytes: number;
  readonly puts: number;
  readonly gets: number;
  readonly batch: number;
  readonly set: Partial<StoreOptions>;
  readonly dir: string;
  readonly jsonFile: string | null;
}

const SETTABLE = [
  "cacheBytes",
  "headerBytesMax",
  "unwrittenBytesMax",
  "unsettledBytesMax",
  "inlineValueBytesMax",
  "writeBufferBytes",
  "blockCacheBytes",
  "blockBytes",
  "tableBytes",
];
const TEXT = { type: "string" } as const;
const OPTIONS = {
  keys: TEXT,
  "value-bytes": TEXT,
  puts: TEXT,
  gets: TEXT,
  batch: TEXT,
  set: { type: "string", multiple: true },
  dir: TEXT,
  json: TEXT,
  help: { type: "boolean" },
} as const;

/** @returns `null` when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[]): StoreBenchOptions | null {
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help ?? false) return null;
  const keys = (values.keys ?? "10000,100000,1000000").split(",");
  return {
    keys: keys.map((text) => integer("keys", text, 1_000, 100_000_000)),
    valueBytes: integer("value-bytes", values["value-bytes"] ?? "256", 0, 1024 * 1024),
    puts: integer("puts", values.puts ?? "200000", 1, 1e9),
    gets: integer("gets", values.gets ?? "200000", 1, 1e9),
    batch: integer("batch", values.batch ?? "128", 1, 100_000),
    set: settings(values.set ?? []),
    dir: values.dir ?? tmpdir(),
    jsonFile: values.json ?? null,
  };
}

function settings(pairs: readonly string[]): Partial<StoreOptions> {
  const set: Record<string, number> = {};
  for (const pair of pairs) {
    const [name = "", value = ""] = pair.split("=");
    if (!SETTABLE.includes(name)) throw new UsageError(`--set ${pair}: the names are ${SETTABLE.join(", ")}`);
    set[name] = integer(`set ${name}`, value, 0, 2 ** 40);
  }
  return set;
}

function integer(name: string, value: string, min: number, max: number): number {
  const parsed = Number(value);
  if (value.trim() !== "" && Number.isInteger(parsed) && parsed >= min && parsed <= max) return parsed;
  throw new UsageError(`--${name} ${value}: a whole number from ${min} to ${max} is wanted`);
}
