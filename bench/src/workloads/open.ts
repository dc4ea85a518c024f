import { closedJob } from "./closed.js";
import type { Workload } from "./workload.js";

/** So many may be under way at once; a side that needs more at this rate is stalled, and its latencies show it. */
const CLIENTS = 1024;

export const open: Workload = {
  name: "open",
  title: "put at a fixed rate (open loop)",
  unit: "puts",
  needsKeys: false,
  countsMemory: true,
  curve: null,
  job: (context) =>
    closedJob(context, CLIENTS, { mode: "open", operation: "put", ratePerSecond: context.openRate }),
};
