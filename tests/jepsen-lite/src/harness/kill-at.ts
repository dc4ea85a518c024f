import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { fileURLToPath } from "node:url";

/** Where a follower is with a snapshot: its data comes in; all of it is there; it has taken its place. */
export type Moment = "receiving" | "whole" | "installed";

interface Order {
  readonly moment: Moment;
  readonly pid: number;
  /** Of the group: where the D file is. */
  readonly directory: string;
}

/**
 * Kills the process with SIGKILL as soon as its snapshot is that far, and tells how far it then was: the moments are
 * milliseconds apart. In a thread of its own, for the same reason.
 */
export function killAt(moment: Moment, pid: number, directory: string): Promise<Moment> {
  const order: Order = { moment, pid, directory };
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: order });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

const LIMIT_MS = 600_000;
const LOOK_EVERY_MS = 0.2;

function generation(directory: string): number {
  return Number(/"generation":(\d+)/.exec(readFileSync(join(directory, "checkpoint"), "latin1"))?.[1]);
}

function watchAndKill({ moment, pid, directory }: Order): Moment {
  const incoming = join(directory, "checkpoint.incoming");
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + LIMIT_MS;
  // What an earlier life left is settled when this one opens its store.
  while (existsSync(incoming) && performance.now() < deadline) Atomics.wait(clock, 0, 0, LOOK_EVERY_MS);
  const before = generation(directory);
  for (;;) {
    const isInstalled = !existsSync(incoming) && generation(directory) !== before;
    if (isInstalled || (moment === "whole" && existsSync(incoming))) {
      process.kill(pid, "SIGKILL");
      return existsSync(incoming) ? "whole" : "installed";
    }
    if (performance.now() > deadline)
      throw new Error(`not within ${LIMIT_MS} ms: a snapshot that is ${moment}`);
    Atomics.wait(clock, 0, 0, LOOK_EVERY_MS);
  }
}

if (!isMainThread) parentPort?.postMessage(watchAndKill(workerData as Order));
