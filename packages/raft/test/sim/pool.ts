import { Worker } from "node:worker_threads";
import type { Outcome } from "./simulation.js";
import type { WorkerTask } from "./worker.js";

const WORKER = new URL("./worker.js", import.meta.url);

/**
 * A seed whose run does not come back at all. Generous: a seed takes a second of a processor's time, a few at most. It
 * is that time which counts, since how long it takes on the wall says nothing where others want the processor too.
 */
const HANG_CPU_SECONDS = 60;
const LOOK_MILLIS = 1_000;

export interface PoolOptions extends WorkerTask {
  readonly seeds: { readonly from: number; readonly to: number };
  readonly jobs: number;
  /** Called for each seed as it ends, in no particular order. Returning false ends the run early. */
  readonly onOutcome: (outcome: Outcome) => boolean | Promise<boolean>;
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
  const report = async (outcome: Outcome): Promise<void> => {
    if (!isEnough && !(await options.onOutcome(outcome))) isEnough = true;
  };
  await Promise.all(Array.from({ length: jobs }, () => runThread(options, take, report)));
}

function runThread(
  task: WorkerTask & { readonly jobs: number },
  take: () => number | null,
  report: (outcome: Outcome) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { core, overrides, wal } = task;
    const worker = new Worker(WORKER, { workerData: { core, overrides, wal } satisfies WorkerTask });
    let current = 0;
    let watchdog: NodeJS.Timeout | undefined;
    const startWatchdog = (): void => {
      const before = process.cpuUsage();
      watchdog = setInterval(() => {
        // Of all threads together: each may have used its share of it.
        const { system, user } = process.cpuUsage(before);
        if (system + user > HANG_CPU_SECONDS * 1e6 * task.jobs)
          giveUp("stalled: a step of the core does not come back", `in ${HANG_CPU_SECONDS} s`);
      }, LOOK_MILLIS);
    };
    const end = (): void => {
      clearInterval(watchdog);
      worker.terminate().then(() => resolve(), reject);
    };
    /** Only the end of the thread ends the loop that it is in; another one goes on with the rest. */
    const giveUp = (what: string, stack: string): void => {
      clearInterval(watchdog);
      Promise.all([report(ended(current, what, stack)), worker.terminate()])
        .then(() => runThread(task, take, report))
        .then(resolve, reject);
    };
    const give = (): void => {
      clearInterval(watchdog);
      const seed = take();
      if (seed === null) return end();
      current = seed;
      startWatchdog();
      worker.postMessage(seed);
    };
    // Thrown where the run could not catch it.
    worker.on("error", (error) => giveUp(`${error.name}: ${error.message}`, error.stack ?? ""));
    worker.on("message", (outcome: Outcome) => {
      clearInterval(watchdog);
      report(outcome).then(give, reject);
    });
    give();
  });
}

/** A seed whose run did not come to its own end. */
function ended(seed: number, what: string, stack: string): Outcome {
  return {
    seed,
    failure: { what, message: what, stack },
    trace: "",
    steps: 0,
    virtualMicros: 0,
    livenessTimeouts: 0,
    counts: {},
    marks: {},
  };
}
