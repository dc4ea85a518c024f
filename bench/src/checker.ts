import { writeFile } from "node:fs/promises";
import { checkLinearizability, checkListAppend, kvModel, registerModel, stringModel } from "@raftkv/checker";
import type {
  KvOperation,
  Operation,
  RegisterOperation,
  StringOperation,
  Transaction,
} from "@raftkv/checker";
import { HELP, parseOptions } from "./checker/options.js";
import type { CheckerBenchOptions } from "./checker/options.js";
import { Draws, kvService, listService, record, registerService, stringService } from "./checker/workload.js";
import type { Service } from "./checker/workload.js";
import { UsageError } from "./options.js";

const EXIT_WRONG = 1;
const EXIT_USAGE = 2;
const MIB = 1024 * 1024;

interface Workload {
  readonly name: string;
  readonly service: (options: CheckerBenchOptions) => Service;
  /** @returns the verdict, as it is called. */
  readonly judge: (history: readonly Operation[]) => string;
}

const WORKLOADS: readonly Workload[] = [
  {
    name: "register with compare-and-set",
    service: registerService,
    judge: (history) => checkLinearizability(history as RegisterOperation[], registerModel).verdict,
  },
  {
    name: "store with revisions",
    service: kvService,
    judge: (history) => checkLinearizability(history as KvOperation[], kvModel).verdict,
  },
  {
    name: "strings added to",
    service: stringService,
    judge: (history) => checkLinearizability(history as StringOperation[], stringModel).verdict,
  },
  {
    name: "list-append transactions",
    service: listService,
    judge: (history) => (checkListAppend(history as Transaction[]).ok ? "linearizable" : "not linearizable"),
  },
];

interface Figures {
  readonly workload: string;
  readonly operations: number;
  readonly unknown: number;
  readonly expected: string;
  readonly verdict: string;
  readonly seconds: number;
  readonly residentMib: number;
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const { keys, operations, processes, seed, unknown, values } = options;
  say(
    `${operations} operations by ${processes} processes over ${keys} keys, ${unknown * 100} % of unknown outcome, ` +
      `${values === 0 ? "all values different" : `${values} values`}, seed ${seed}`,
  );
  say(`${"".padEnd(32)}${"verdict".padEnd(18)}${"seconds".padStart(9)}${"resident MiB".padStart(14)}`);
  const figures: Figures[] = [];
  for (const workload of WORKLOADS) {
    const history = record(workload.service(options), options, new Draws(seed));
    figures.push(measure(workload, history, "linearizable"));
    figures.push(measure(workload, spoil(history), "not linearizable"));
  }
  if (options.jsonFile !== null)
    await writeFile(
      options.jsonFile,
      `${JSON.stringify({ node: process.version, options, figures }, null, 2)}\n`,
    );
  if (figures.every(({ expected, verdict }) => expected === verdict)) return;
  process.stderr.write("error: a verdict is wrong\n");
  process.exitCode = EXIT_WRONG;
}

function measure({ judge, name }: Workload, history: readonly Operation[], expected: string): Figures {
  const started = performance.now();
  const verdict = judge(history);
  const seconds = (performance.now() - started) / 1000;
  const residentMib = Math.round(process.memoryUsage.rss() / MIB);
  const workload = expected === "linearizable" ? name : "  with one wrong answer";
  say(
    `${workload.padEnd(32)}${verdict.padEnd(18)}${seconds.toFixed(2).padStart(9)}${String(residentMib).padStart(14)}`,
  );
  const unknown = history.filter(({ outcome }) => outcome === "unknown").length;
  return { workload: name, operations: history.length, unknown, expected, verdict, seconds, residentMib };
}

/** One read in the middle tells what nobody wrote. */
function spoil(history: readonly Operation[]): Operation[] {
  const isSpoilt = (operation: Operation): boolean =>
    operation.outcome === "ok" &&
    (operation.op === "read" ||
      operation.op === "get" ||
      (operation.op === "txn" && operation.steps[0]?.[0] === "read"));
  const middle = history.findIndex((operation, at) => at >= history.length / 2 && isSpoilt(operation));
  return history.map((operation, at) => {
    if (at !== middle) return operation;
    if (operation.op === "read") return { ...operation, value: -1 };
    if (operation.op === "get") return { ...operation, value: "nobody wrote this" };
    if (operation.op !== "txn") return operation;
    return {
      ...operation,
      steps: operation.steps.map((step, nth) =>
        nth === 0 && step[0] === "read" ? ["read", step[1], [-1]] : step,
      ),
    };
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`error: ${error.message} (USAGE)\n`);
  process.exitCode = EXIT_USAGE;
}
