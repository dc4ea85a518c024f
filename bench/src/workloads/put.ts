import { closedJob, overClients } from "./closed.js";
import type { Workload } from "./workload.js";

const LARGE_BYTES = 4096;
const LARGE_CLIENTS = 64;

export const puts: readonly Workload[] = [
  ...overClients(
    [1, 16, 64, 256, 1024],
    { name: "put", title: "put", unit: "puts", needsKeys: false, countsMemory: true },
    { operation: "put" },
  ),
  {
    name: "put-4k",
    title: `put of 4 KiB, ${LARGE_CLIENTS} clients`,
    unit: "puts",
    needsKeys: false,
    countsMemory: true,
    curve: null,
    job: (context) => closedJob(context, LARGE_CLIENTS, { operation: "put", valueBytes: LARGE_BYTES }),
  },
];
