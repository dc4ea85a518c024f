import { checkLinearizability, describeViolation, registerModel } from "@raftkv/checker";
import type { RegisterOperation } from "@raftkv/checker";
import { Cluster } from "./cluster.js";
import type { Context, Counted } from "./context.js";
import type { CoreModule } from "./core.js";
import { SimulationFailure } from "./failure.js";
import { demandProgress } from "./liveness.js";
import type { Mark } from "./marks.js";
import { Nemesis } from "./nemesis.js";
import { Operator } from "./operator.js";
import { drawParameters } from "./parameters.js";
import type { Overrides } from "./parameters.js";

export interface Failure {
  /** The rule that was broken; the same for the same bug. */
  readonly what: string;
  readonly message: string;
  /** Where the core or the simulator stood, for an exception. */
  readonly stack: string;
}

/** What came of one seed. Plain data: it travels between threads. */
export interface Outcome {
  readonly seed: number;
  readonly failure: Failure | null;
  readonly trace: string;
  readonly steps: number;
  readonly virtualMicros: number;
  /** How long the liveness phase took, in election timeouts; 0 when it was not reached. */
  readonly livenessTimeouts: number;
  readonly counts: Readonly<Partial<Record<Counted, number>>>;
  readonly marks: Readonly<Partial<Record<Mark, number>>>;
}

const CRASHES_MAX = 1_000;

/** Runs one seed: harm, then healing, then the history's judgement. Everything follows from the arguments. */
export async function simulate(module: CoreModule, seed: number, overrides: Overrides): Promise<Outcome> {
  const cluster = new Cluster(module, drawParameters(seed, overrides));
  const { context } = cluster;
  let failure: Failure | null = null;
  let livenessTimeouts = 0;
  try {
    cluster.start();
    new Nemesis(cluster).run();
    new Operator(cluster).run();
    while (context.steps < context.parameters.steps && !isCrashedEnough(context)) {
      context.runNext();
      if (context.isUnsettled) await context.settle();
    }
    livenessTimeouts = await demandProgress(cluster);
    judgeHistory(cluster);
  } catch (error) {
    failure = describeFailure(error);
  }
  context.count("committed", cluster.oracle.committedIndex);
  return {
    seed,
    failure,
    trace: context.trace.digest(),
    steps: context.steps,
    virtualMicros: context.now,
    livenessTimeouts,
    counts: Object.fromEntries(context.counts),
    marks: Object.fromEntries(context.marks.reached),
  };
}

/** Over the real log an opening takes long. Where power is lost faster than that, nothing but openings would ever be seen. */
function isCrashedEnough({ counts, parameters }: Context): boolean {
  return parameters.disk !== null && (counts.get("crashes") ?? 0) >= CRASHES_MAX;
}

function judgeHistory(cluster: Cluster): void {
  const history = cluster.history.history() as RegisterOperation[];
  const result = checkLinearizability(history, registerModel, { maxSteps: 3_000_000 });
  if (result.ok) return;
  const details =
    result.verdict === "not linearizable"
      ? describeViolation(result.violation)
      : result.undecidedKeys.join(", ");
  throw new SimulationFailure(`the history is ${result.verdict}`, details);
}

function describeFailure(error: unknown): Failure {
  if (error instanceof SimulationFailure) return { what: error.what, message: error.message, stack: "" };
  if (!(error instanceof Error)) return { what: "exception", message: String(error), stack: "" };
  const what = error.name === "InvariantViolation" ? error.message : `${error.name}: ${error.message}`;
  return { what, message: what, stack: error.stack ?? "" };
}
