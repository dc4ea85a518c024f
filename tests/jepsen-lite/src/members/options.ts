import { parseArgs } from "node:util";

/** An argument that is not in the usage. */
export class UsageError extends Error {}

export interface MembersArguments {
  readonly seed: number;
  readonly pauseMs: number;
  readonly restMs: number;
  readonly rounds: number;
  readonly workloads: readonly string[];
  /** Small logs: who joins gets a snapshot. */
  readonly snapshots: boolean;
}

const WORKLOADS = ["register", "append", "counter", "set", "watch", "appender"];

/** What is given to all of these commands. @throws {TypeError | UsageError} */
export function readArguments(defaults: { readonly rounds: number }): MembersArguments {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(1 + Math.floor(Math.random() * 999_999)) },
      pause: { type: "string", default: "10" },
      rest: { type: "string", default: "1500" },
      rounds: { type: "string", default: String(defaults.rounds) },
      workload: { type: "string", default: WORKLOADS.join(",") },
      snapshots: { type: "boolean", default: false },
    },
  });
  const workloads = values.workload.split(",");
  const wrong = workloads.find((name) => !WORKLOADS.includes(name));
  if (wrong !== undefined)
    throw new UsageError(`--workload knows no "${wrong}"; there are ${WORKLOADS.join(", ")}`);
  return {
    seed: wholeNumber("seed", values.seed),
    pauseMs: wholeNumber("pause", values.pause),
    restMs: wholeNumber("rest", values.rest),
    rounds: wholeNumber("rounds", values.rounds),
    workloads,
    snapshots: values.snapshots,
  };
}

/** The line that runs it again. */
export function commandOf(name: string, run: MembersArguments): string {
  const snapshots = run.snapshots ? " --snapshots" : "";
  return (
    `npm run ${name} -- --seed ${run.seed} --rounds ${run.rounds} --pause ${run.pauseMs} --rest ${run.restMs} ` +
    `--workload ${run.workloads.join(",")}${snapshots}`
  );
}

/** Settings of the nodes: with them the log is cut so soon that nobody who was away, or is new, finds it whole. */
export const SMALL_LOGS: Readonly<Record<string, string>> = {
  RAFTKV_WAL_SEGMENT_BYTES: "65536",
  RAFTKV_CHECKPOINT_ENTRIES: "300",
  RAFTKV_LOG_KEEP_ENTRIES: "50",
  RAFTKV_LOG_KEEP_BYTES: "65536",
  RAFTKV_LOG_KEEP_ACTIVE_BYTES: "65536",
};

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} is "${text}", but must be a whole number`);
}
