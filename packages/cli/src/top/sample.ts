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

/**
 * Asks all nodes; remembers who belongs to the cluster, so that a node is shown while it is down, whichever endpoints were
 * given, and is not once it is removed.
 */
export class Sampler {
  readonly #given: readonly Endpoint[];
  readonly #timeoutMs: number;
  #endpoints: readonly Endpoint[];

  constructor(endpoints: readonly Endpoint[], timeoutMs: number) {
    this.#given = endpoints;
    this.#endpoints = endpoints;
    this.#timeoutMs = timeoutMs;
  }

  async take(): Promise<readonly NodeSample[]> {
    const rows = await readNodeRows(this.#endpoints, { timeoutMs: this.#timeoutMs });
    if (rows.some(({ reachable }) => reachable)) this.#endpoints = this.#known(rows);
    return Promise.all(rows.map((row) => sampleNode(row, this.#timeoutMs)));
  }

  /** Those that were given, and those that a node which answers names as members. */
  #known(rows: readonly NodeRow[]): readonly Endpoint[] {
    const members = rows.flatMap(({ status }) => status?.members ?? []).map(({ name }) => name);
    const found = new Map(this.#given.map((endpoint) => [endpoint.address, endpoint]));
    for (const { endpoint, name } of rows)
      if (name !== null && members.includes(name)) found.set(endpoint, { address: endpoint, name });
    return [...found.values()];
  }
}
