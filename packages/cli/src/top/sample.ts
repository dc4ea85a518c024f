import { probeMetrics } from "../cluster/probe.js";
import type { Endpoint } from "../endpoints.js";
import { readNodeRows } from "../node-table.js";
import type { NodeRow } from "../node-table.js";
import { MetricsText } from "./metrics-text.js";

export interface NodeSample {
  readonly row: NodeRow;
  /** When its metrics came, on the monotonic clock. */
  readonly atMs: number;
  /** Null when it was not reached. */
  readonly metrics: MetricsText | null;
}

async function sampleNode(row: NodeRow, timeoutMs: number): Promise<NodeSample> {
  const found = row.reachable ? await probeMetrics(row.endpoint, timeoutMs) : null;
  const metrics = found?.ok === true ? new MetricsText(found.value) : null;
  return { row, atMs: performance.now(), metrics };
}

/** Asks all nodes; remembers who belongs to the cluster, so that a node is shown while it is down, whichever endpoints were given. */
export class Sampler {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #timeoutMs: number;

  constructor(endpoints: readonly Endpoint[], timeoutMs: number) {
    for (const endpoint of endpoints) this.#endpoints.set(endpoint.address, endpoint);
    this.#timeoutMs = timeoutMs;
  }

  async take(): Promise<readonly NodeSample[]> {
    const rows = await readNodeRows([...this.#endpoints.values()], { timeoutMs: this.#timeoutMs });
    for (const { endpoint, name } of rows) this.#endpoints.set(endpoint, { address: endpoint, name });
    return Promise.all(rows.map((row) => sampleNode(row, this.#timeoutMs)));
  }
}
