import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { DISK_FAULT_NAMES, isDiskFault } from "./disk-faults.js";
import type { DiskFault } from "./disk-faults.js";
import { FAULT_NAMES, isFault } from "./faults.js";
import type { Fault } from "./faults.js";
import { NO_OVERRIDES } from "./parameters.js";
import type { Overrides } from "./parameters.js";

export const USAGE = `usage: npm run sim -- [options]

  --seeds N          run the seeds 1 to N (default 200)
  --from M           begin with seed M instead of 1
  --seed S           run one seed; the last line is its trace
  --log real         over the real log on simulated disks, instead of a model of a log
  --steps N          steps of the cores before the liveness phase, instead of what the seed says
  --servers N        servers, instead of what the seed says (1 to 7)
  --clients N        clients, instead of what the seed says
  --actions N        let the nemesis act N times at most
  --commands N       let the operator (membership, transfers) act N times at most
  --without A,B      switch kinds of fault off
  --jobs N           threads (default: one for each processor)
  --traces           print seed and trace of each seed, as test/sim/traces.ts keeps them
  --json             print the result as JSON
  --quiet            print failures and the verdict only

kinds of fault: ${FAULT_NAMES.join(", ")};
with --log real also ${DISK_FAULT_NAMES.join(", ")}
`;

export interface Options {
  readonly seeds: { readonly from: number; readonly to: number };
  /** One seed was asked for by name. */
  readonly isSingle: boolean;
  readonly overrides: Overrides;
  readonly jobs: number;
  readonly traces: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly help: boolean;
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** @throws {UsageError} says which option is wrong and what is allowed. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  const one = wholeNumber("seed", values.seed, 0, Number.MAX_SAFE_INTEGER);
  const from = wholeNumber("from", values.from, 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const count = wholeNumber("seeds", values.seeds, 1, 10_000_000) ?? 200;
  return {
    seeds: one === null ? { from, to: from + count - 1 } : { from: one, to: one },
    isSingle: one !== null,
    overrides: {
      ...NO_OVERRIDES,
      steps: wholeNumber("steps", values.steps, 1, 100_000_000),
      servers: wholeNumber("servers", values.servers, 1, 7),
      clients: wholeNumber("clients", values.clients, 1, 100),
      actions: wholeNumber("actions", values.actions, 0, 1_000_000),
      commands: wholeNumber("commands", values.commands, 0, 1_000_000),
      without: faults(values.without),
      log: logKind(values.log),
    },
    jobs: wholeNumber("jobs", values.jobs, 1, 64) ?? availableParallelism(),
    traces: values.traces === true,
    json: values.json === true,
    quiet: values.quiet === true,
    help: values.help === true,
  };
}

function parse(args: readonly string[]): ReturnType<typeof parseThem> {
  try {
    return parseThem(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseThem(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      seed: { type: "string" },
      log: { type: "string" },
      steps: { type: "string" },
      servers: { type: "string" },
      clients: { type: "string" },
      actions: { type: "string" },
      commands: { type: "string" },
      without: { type: "string" },
      jobs: { type: "string" },
      traces: { type: "boolean" },
      json: { type: "boolean" },
      quiet: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
}

export function wholeNumber(name: string, text: string | undefined, from: number, to: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < from || value > to) {
    throw new UsageError(`--${name} is "${text}"; it wants a whole number from ${from} to ${to}`);
  }
  return value;
}

function logKind(text: string | undefined): Overrides["log"] {
  if (text === undefined || text === "model") return "model";
  if (text === "real") return "real";
  throw new UsageError(`--log is "${text}"; it wants model or real`);
}

function faults(text: string | undefined): (Fault | DiskFault)[] {
  if (text === undefined || text === "") return [];
  return text.split(",").map((name) => {
    if (isFault(name) || isDiskFault(name)) return name;
    const names = [...FAULT_NAMES, ...DISK_FAULT_NAMES];
    throw new UsageError(`--without names "${name}"; there are ${names.join(", ")}`);
  });
}

/** The line that runs this again. */
export function replayLine(seed: number, overrides: Overrides): string {
  const parts = [`npm run sim -- --seed ${seed}`];
  if (overrides.log === "real") parts.push("--log real");
  for (const name of ["servers", "clients", "steps", "actions", "commands"] as const) {
    if (overrides[name] !== null) parts.push(`--${name} ${overrides[name]}`);
  }
  if (overrides.without.length > 0) parts.push(`--without ${overrides.without.join(",")}`);
  return parts.join(" ");
}
