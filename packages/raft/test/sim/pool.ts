import { Worker } from "node:worker_threads";
import type { Outcome } from "./simulation.js";
import type { WorkerTask } from "./worker.js";

const WORKER = new URL("./worker.js", import.meta.url);

/** A seed whose run does not come back at all. Generous: a seed takes a fraction of a second. */
const HANG_MILLIS = 60_000;

export interface PoolOptions extends WorkerTask {
  readonly seeds: { readonly from: number; readonly to: number };
  readonly jobs: number;
  /** Called for each seed as it ends, in no particular order. Returning false ends the run early. */
  readonly onOutcome: (outcome: Outcome) => boolean;
}

/** Runs the seeds in threads. Resolves once all of them, or as many as were wanted, have ended. */
export async function runSeeds(options: PoolOptions): Promise<void> {
  const { from, to } = options.seeds;
  let next = from;
  let isEnough = false;
  const take = (): number | null => {
    if (isEnough || next > to) return null;
    next += 1;
    return next - 1;
  };
  const jobs = Math.min(options.jobs, to - from + 1);
  const report = (outcome: Outcome): void => {
    if (!isEnough && !options.onOutcome(outcome)) isEnough = true;
  };
  await Promise.all(Array.from({ length: jobs }, () => runThread(options, take, report)));
}

function runThread(
  task: WorkerTask,
  take: () => number | null,
  report: (outcome: Outcome) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { core, overrides } = task;
    const worker = new Worker(WORKER, { workerData: { core, overrides } satisfies WorkerTask });
    let current = 0;
    let watchdog: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(watchdog);
      worker.terminate().then(() => resolve(), reject);
    };
    const give = (): void => {
      clearTimeout(watchdog);
      const seed = take();
      if (seed === null) return end();
      current = seed;
      watchdog = setTimeout(() => {
        report(hung(current));
        // Only the end of the thread ends the loop that it is in; another goes on with the rest.
        worker.terminate().then(() => runThread(task, take, report).then(resolve, reject), reject);
      }, HANG_MILLIS);
      worker.postMessage(seed);
    };
    worker.on("error", reject);
    worker.on("message", (outcome: Outcome) => {
      report(outcome);
      give();
    });
    give();
  });
}

function hung(seed: number): Outcome {
  const what = "stalled: a step of the core does not come back";
  return {
    seed,
    failure: { what, message: `${what} within ${HANG_MILLIS / 1000} s`, stack: "" },
    trace: "",
    steps: 0,
    virtualMicros: 0,
    livenessTimeouts: 0,
    counts: {},
    marks: {},
  };
}
