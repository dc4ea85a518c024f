import { JOB_DEFAULTS } from "../loader/protocol.js";
import type { Job } from "../loader/protocol.js";
import type { Workload, WorkloadContext } from "./workload.js";

/** Callers that each wait for one answer before they ask again, over the connections that are allowed. */
export function closedJob(context: WorkloadContext, clients: number, shape: Partial<Job>): Job {
  const { seconds, warmupSeconds, keys, connectionsMax } = context;
  const connections = Math.min(clients, connectionsMax);
  return { ...JOB_DEFAULTS, clients, connections, seconds, warmupSeconds, keys, ...shape };
}

/** One workload for each number of clients, with a curve through them. */
export function overClients(
  counts: readonly number[],
  kind: Pick<Workload, "name" | "title" | "unit" | "needsKeys" | "countsMemory">,
  shape: Partial<Job>,
): Workload[] {
  return counts.map((clients) => ({
    ...kind,
    name: `${kind.name}-${clients}`,
    title: `${kind.title}, ${clients.toLocaleString("en-US")} client${clients === 1 ? "" : "s"}`,
    curve: { name: kind.title, clients },
    job: (context) => closedJob(context, clients, shape),
  }));
}
