import { closedJob } from "./closed.js";
import type { Workload } from "./workload.js";

const OPS_PER_BATCH = 10;

/** One ordered stream of atomic batches: raftkv's appender has several under way, etcd's client sends one after the other. */
export const append: Workload = {
  name: "append",
  title: `appender: one ordered stream of batches of ${OPS_PER_BATCH} puts`,
  unit: "batches",
  needsKeys: false,
  countsMemory: false,
  curve: null,
  job: (context) => closedJob(context, 1, { operation: "append", opsPerBatch: OPS_PER_BATCH }),
};
