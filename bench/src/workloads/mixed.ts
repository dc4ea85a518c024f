import { closedJob } from "./closed.js";
import type { Workload } from "./workload.js";

const CLIENTS = 256;

export const mixed: Workload = {
  name: "mixed",
  title: `90 % linearizable get, 10 % put, ${CLIENTS} clients`,
  unit: "requests",
  needsKeys: true,
  countsMemory: false,
  curve: null,
  job: (context) => closedJob(context, CLIENTS, { operation: "mixed" }),
};
