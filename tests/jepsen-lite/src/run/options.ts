import type { Argv } from "yargs";
import { NEMESES } from "./nemeses/all.js";
import { WORKLOADS } from "./workloads/all.js";

/** Small knobs are no fault with a beginning and an end: they hold from the start of the cluster. */
export const CHURN = "churn";

export interface RunArguments {
  readonly timeMs: number;
  readonly workloads: readonly string[];
  readonly nemeses: readonly string[];
  readonly seed: number;
  readonly nodes: number;
  readonly pauseMs: number;
  /** Answers that a workload must have had for every minute. */
  readonly floor: number;
  /** The report goes to a new directory below this one. */
  readonly out: string;
}

const SEED_MAX = 2 ** 31;
const TIME_MS_MIN = 10_000;
const TIME_MS_MAX = 86_400_000;
const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

const ALL_WORKLOADS = WORKLOADS.map(({ name }) => name);
const ALL_NEMESES = [...NEMESES.map(({ name }) => name), CHURN];

function parseTime(text: string): number {
  const [, number, unit] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  const timeMs = Number(number) * (UNITS[unit as keyof typeof UNITS] ?? Number.NaN);
  if (timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX) return timeMs;
  throw new Error(`--time is "${text}", but must be a time from 10s to 24h, as 90s, 5m or 1h`);
}

/** `all`, `none`, or names with commas between. */
function parseNames(option: string, text: string, known: readonly string[], mayBeNone: boolean): string[] {
  if (text === "all") return [...known];
  if (mayBeNone && text === "none") return [];
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return names;
  throw new Error(
    `--${option} knows no "${wrong}"; there are ${known.join(", ")} and all${mayBeNone ? ", or none" : ""}`,
  );
}

function parseNumber(option: string, text: string, from: number, to: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= from && number <= to) return number;
  throw new Error(`--${option} is "${text}", but must be a whole number from ${from} to ${to}`);
}

/** The line that runs it again. */
export function commandOf(run: RunArguments): string {
  const names = (chosen: readonly string[], all: readonly string[]): string =>
    chosen.length === all.length ? "all" : chosen.length === 0 ? "none" : chosen.join(",");
  return (
    `npm run jepsen -- --time ${run.timeMs / 1000}s --workload ${names(run.workloads, ALL_WORKLOADS)} ` +
    `--nemesis ${names(run.nemeses, ALL_NEMESES)} --nodes ${run.nodes} --pause ${run.pauseMs} --seed ${run.seed}`
  );
}

function listOf(all: readonly { readonly name: string; readonly about: string }[]): string {
  return all.map(({ about, name }) => `  ${name.padEnd(10)} ${about}`).join("\n");
}

/** Adds the run itself, which has no name, to the command line. `run` gets what was asked for. */
export function addRunCommand(parser: Argv, run: (arguments_: RunArguments) => void): Argv {
  const text = (describe: string, default_: string) =>
    ({ type: "string", describe, default: default_, requiresArg: true }) as const;
  return parser.command(
    "$0",
    "run workloads against a cluster of real processes while things go wrong",
    (command) =>
      command
        .option("time", text("how long it takes in all", "60s"))
        .option("workload", text("which load, with commas between; all run at once", "all"))
        .option("nemesis", text("what goes wrong, with commas between", "all"))
        .option("nodes", text("3 or 5", "3"))
        .option("seed", {
          type: "string",
          requiresArg: true,
          describe: "of the schedule (default: another one each time)",
        })
        .option("pause", text("milliseconds between two operations of a process, at most", "40"))
        .option("floor", text("answers that each workload must have had for every minute", "10"))
        .option("out", text("the report goes to a new directory below this one", "jepsen-runs"))
        .epilogue(
          `Workloads:\n${listOf(WORKLOADS)}\n\nNemeses:\n${listOf(NEMESES)}\n  ${CHURN.padEnd(10)} small segments, caches and limits\n\n` +
            "Exit code 0: everything that was promised was kept. 1: it was not, or the run could not show it. 2: a wrong option.",
        ),
    (values) => {
      const nodes = parseNumber("nodes", values.nodes, 3, 5);
      if (nodes === 4) throw new Error("--nodes is 3 or 5");
      run({
        timeMs: parseTime(values.time),
        workloads: parseNames("workload", values.workload, ALL_WORKLOADS, false),
        nemeses: parseNames("nemesis", values.nemesis, ALL_NEMESES, true),
        nodes,
        seed:
          values.seed === undefined
            ? 1 + Math.floor(Math.random() * 1_000_000)
            : parseNumber("seed", values.seed, 1, SEED_MAX),
        pauseMs: parseNumber("pause", values.pause, 0, 10_000),
        floor: parseNumber("floor", values.floor, 0, 1_000_000),
        out: values.out,
      });
    },
  );
}
