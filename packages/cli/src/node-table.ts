import type { NodeStatus } from "@raftkv/node";
import { normalAddress } from "./address.js";
import { probeStatus } from "./cluster/probe.js";
import type { Probe } from "./cluster/probe.js";
import type { Endpoint } from "./endpoints.js";
import { usageError } from "./errors.js";

/** One node as `raftkv status` shows it: what it says of itself, or why it says nothing. */
export interface NodeRow {
  readonly name: string | null;
  readonly endpoint: string;
  readonly reachable: boolean;
  /** Null when it was reached. */
  readonly reason: string | null;
  readonly status: NodeStatus | null;
}

function rowOf({ address, name }: Endpoint, probe: Probe<NodeStatus>): NodeRow {
  if (!probe.ok) return { name, endpoint: address, reachable: false, reason: probe.reason, status: null };
  return { name: probe.value.name, endpoint: address, reachable: true, reason: null, status: probe.value };
}

/** Members that an answer names and that nobody has asked yet. */
function unaskedMembers(rows: readonly NodeRow[]): readonly Endpoint[] {
  const asked = new Set(rows.map((row) => row.endpoint));
  const named = new Set(rows.map((row) => row.name));
  const found = new Map<string, Endpoint>();
  for (const { status } of rows) {
    for (const { name, client } of status?.members ?? []) {
      const address = client === null ? null : normalAddress(client);
      if (address === null || named.has(name) || asked.has(address)) continue;
      found.set(name, { address, name });
    }
  }
  return [...found.values()];
}

/** An endpoint that did not answer has no name of its own, but others may know who should be there. */
function nameUnreachable(rows: readonly NodeRow[]): readonly NodeRow[] {
  const names = new Map<string | null, string>();
  for (const { status } of rows)
    for (const { client, name } of status?.members ?? []) names.set(client, name);
  return rows.map((row) => (row.name === null ? { ...row, name: names.get(row.endpoint) ?? null } : row));
}

/**
 * Asks every endpoint, then every member of which an answer tells: so one endpoint is enough to see them all. `hash` makes
 * each read its whole store.
 */
export async function readNodeRows(
  endpoints: readonly Endpoint[],
  { timeoutMs, hash = false }: { readonly timeoutMs: number; readonly hash?: boolean | number },
): Promise<readonly NodeRow[]> {
  const ask = async (endpoint: Endpoint): Promise<NodeRow> =>
    rowOf(endpoint, await probeStatus(endpoint.address, { timeoutMs, hash }));
  const rows = nameUnreachable(await Promise.all(endpoints.map(ask)));
  const all = [...rows, ...(await Promise.all(unaskedMembers(rows).map(ask)))];
  return all.sort((a, b) =>
    (a.name ?? a.endpoint).localeCompare(b.name ?? b.endpoint, "en", { numeric: true }),
  );
}

/**
 * Endpoints that were mixed up give one table of two clusters, in which nothing may be compared.
 * @throws {CliError} MIXED_CLUSTERS, naming who is where.
 */
export function demandOneCluster(rows: readonly NodeRow[]): void {
  const clusters = new Map<string, string[]>();
  for (const { endpoint, name, status } of rows) {
    const id = status?.clusterId ?? null;
    if (id === null) continue;
    clusters.set(id, [...(clusters.get(id) ?? []), `${name ?? ""} (${endpoint})`]);
  }
  if (clusters.size <= 1) return;
  const parts = [...clusters].map(([id, names]) => `${names.join(", ")} of cluster ${id}`);
  throw usageError(
    `the endpoints are of ${clusters.size} clusters, not one: ${parts.join("; ")}`,
    "MIXED_CLUSTERS",
  );
}
