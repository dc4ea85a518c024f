import { parentPort, workerData } from "node:worker_threads";
import { loadCore } from "./core.js";
import type { Overrides } from "./parameters.js";
import { simulate } from "./simulation.js";

/** What a thread is started with. */
export interface WorkerTask {
  readonly core: string;
  readonly wal: string;
  readonly overrides: Overrides;
}

/** One thread of a pool: gets seeds, gives outcomes. */
if (parentPort !== null) {
  const port = parentPort;
  const { core, wal, overrides } = workerData as WorkerTask;
  const loading = loadCore(core, wal);
  port.on("message", (seed: number) => {
    void loading
      .then((module) => simulate(module, seed, overrides))
      .then((outcome) => port.postMessage(outcome));
  });
}
