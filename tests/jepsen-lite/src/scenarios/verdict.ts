import {
  formatHistory,
  checkLinearizability,
  checkRevisions,
  describeViolation,
  kvModel,
} from "@raftkv/checker";
import type { KvOperation } from "@raftkv/checker";
import { connect } from "@raftkv/client";
import type { TestCluster } from "../harness/cluster.js";
import type { Writers } from "./writers.js";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Reads of one client that are under way at the same time. */
const READS_AT_ONCE = 500;

/** What a run showed. All lists are empty and all flags true when the promises held. */
export interface Verdict {
  readonly acknowledged: number;
  readonly operations: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly longestStallMs: number;
  /** `node: key` for every acknowledged put that a replica does not show. */
  readonly missing: readonly string[];
  readonly hashes: Readonly<Record<string, string>>;
  readonly equal: boolean;
  /** Null when the history is linearizable; else what was found, for people. */
  readonly anomaly: string | null;
}

/** Waits until the replicas agree, then compares everything that was promised with what each of them holds. */
async function judge(cluster: TestCluster, writers: Writers): Promise<Verdict> {
  const statuses = await cluster.converged();
  const missing: string[] = [];
  for (const name of cluster.names) missing.push(...(await missingOn(cluster, name, writers.acknowledged)));
  const history = writers.history();
  return {
    acknowledged: writers.acknowledged.size,
    operations: history.length,
    errors: Object.fromEntries(writers.errors),
    longestStallMs: Math.round(writers.longestStallMs),
    missing,
    hashes: Object.fromEntries(statuses.map(({ name, hash }) => [name, hash ?? "none"])),
    equal: new Set(statuses.map(({ revision, hash }) => `${revision} ${hash}`)).size === 1,
    anomaly: anomalyIn(history),
  };
}

export function isKept(verdict: Verdict): boolean {
  return verdict.missing.length === 0 && verdict.equal && verdict.anomaly === null;
}

/** Judges and ends the run. What broke a promise is kept, with its history, for whoever wants to know why. */
export async function conclude(cluster: TestCluster, writers: Writers): Promise<Verdict> {
  let kept = false;
  try {
    const verdict = await judge(cluster, writers);
    kept = isKept(verdict);
    return verdict;
  } finally {
    if (!kept) {
      const path = join(cluster.dir, "history.jsonl");
      writeFileSync(path, formatHistory(writers.history()));
      process.stderr.write(`kept for a closer look: ${cluster.dir} and its history.jsonl\n`);
    }
    await cluster.stop({ keep: !kept });
  }
}

/** Each replica is asked for what it holds itself: a linearizable read would ask the leader for the rest. */
async function missingOn(
  cluster: TestCluster,
  name: string,
  acknowledged: ReadonlyMap<string, string>,
): Promise<string[]> {
  const client = await connect({ endpoints: [cluster.endpoint(name)] });
  const missing: string[] = [];
  try {
    const entries = [...acknowledged];
    for (let at = 0; at < entries.length; at += READS_AT_ONCE) {
      await Promise.all(
        entries.slice(at, at + READS_AT_ONCE).map(async ([key, value]) => {
          const found = await client.get(key, { consistency: "serializable" });
          if (found?.text() !== value) missing.push(`${name}: ${key}`);
        }),
      );
    }
  } finally {
    await client.close();
  }
  return missing;
}

function anomalyIn(history: readonly KvOperation[]): string | null {
  const result = checkLinearizability(history, kvModel);
  if (result.verdict === "not linearizable") return describeViolation(result.violation);
  if (result.verdict === "unknown") return `not decided for ${result.undecidedKeys.join(", ")}`;
  const revisions = checkRevisions(history);
  return revisions.ok ? null : `revisions: ${JSON.stringify(revisions.findings.slice(0, 5))}`;
}
