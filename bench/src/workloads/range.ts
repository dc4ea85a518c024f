import { closedJob } from "./closed.js";
import type { Workload } from "./workload.js";

const CLIENTS = 16;

export const range: Workload = {
  name: "range",
  title: `range of 1,000 keys, ${CLIENTS} clients`,
  unit: "ranges",
  needsKeys: true,
  countsMemory: false,
  curve: null,
  job: (context) => closedJob(context, CLIENTS, { operation: "range" }),
};
