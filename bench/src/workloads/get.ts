import { overClients } from "./closed.js";
import type { Workload } from "./workload.js";

const CLIENTS = [1, 64, 256];

export const gets: readonly Workload[] = [
  ...overClients(
    CLIENTS,
    { name: "get", title: "linearizable get", unit: "gets", needsKeys: true, countsMemory: false },
    { operation: "get" },
  ),
  ...overClients(
    CLIENTS,
    {
      name: "serializable-get",
      title: "serializable get",
      unit: "gets",
      needsKeys: true,
      countsMemory: false,
    },
    { operation: "serializable-get" },
  ),
];
