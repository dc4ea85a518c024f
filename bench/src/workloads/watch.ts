import { closedJob } from "./closed.js";
import type { Workload } from "./workload.js";

const WATCHERS = 1000;

/** Every event reaches every watcher; its latency runs from the sending of the put that made it. */
export const watch: Workload = {
  name: "watch",
  title: `watch: 1 writer, ${WATCHERS.toLocaleString("en-US")} watchers`,
  unit: "events",
  needsKeys: false,
  countsMemory: false,
  curve: null,
  job: (context) => closedJob(context, WATCHERS, { mode: "watch", operation: "put" }),
};
