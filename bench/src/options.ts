import { parseArgs } from "node:util";

export const HELP = `Usage: npm run bench:put -- [options]

Puts keys as fast as the clients get their answers, and prints puts per second and latencies.
Without --endpoints it starts a cluster of three nodes in a temporary directory, and removes it afterwards.

  --clients N        callers, each with one put under way at a time   64
  --connections N    connections that the clients share               as many as clients, at most 32
  --seconds S        how long is measured                             10
  --warmup S         how long is put before that, not measured        3
  --value-bytes N    size of a value                                  256
  --keys N           different keys, taken at random                  100000
  --endpoints LIST   HOST:PORT,… of a running cluster
  --json FILE        write the figures there as well
  --help
`;

export interface BenchOptions {
  readonly clients: number;
  readonly connections: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** `null`: start a cluster. */
  readonly endpoints: readonly string[] | null;
  readonly jsonFile: string | null;
}

/** A wrong command line; the message says what is allowed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

/** @returns `null` when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const values = parse(args);
  if (values.help ?? false) return null;
  const clients = integer("clients", values.clients ?? "64", 1, 100_000);
  return {
    clients,
    connections: integer("connections", values.connections ?? String(Math.min(clients, 32)), 1, clients),
    seconds: number("seconds", values.seconds ?? "10", 0.1, 86_400),
    warmupSeconds: number("warmup", values.warmup ?? "3", 0, 3_600),
    valueBytes: integer("value-bytes", values["value-bytes"] ?? "256", 0, 1024 * 1024),
    keys: integer("keys", values.keys ?? "100000", 1, 1_000_000_000),
    endpoints: values.endpoints === undefined ? null : values.endpoints.split(","),
    jsonFile: values.json ?? null,
  };
}

const TEXT = { type: "string" } as const;
const OPTIONS = {
  clients: TEXT,
  connections: TEXT,
  seconds: TEXT,
  warmup: TEXT,
  "value-bytes": TEXT,
  keys: TEXT,
  endpoints: TEXT,
  json: TEXT,
  help: { type: "boolean" },
} as const;

function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function number(name: string, value: string, min: number, max: number): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed >= min && parsed <= max) return parsed;
  throw new UsageError(`--${name} ${value}: a number from ${min} to ${max} is wanted`);
}

function integer(name: string, value: string, min: number, max: number): number {
  const parsed = number(name, value, min, max);
  if (Number.isInteger(parsed)) return parsed;
  throw new UsageError(`--${name} ${value}: a whole number is wanted`);
}
