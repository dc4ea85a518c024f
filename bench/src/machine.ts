import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Machine } from "./report/results.js";
import { measureRaw } from "./wal/raw-disk.js";

const SYNC_BYTES = 4096;

export function describeThisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** Of the working tree; "unknown" outside of a clone. */
export function currentCommit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

/** Writes of 4 KiB, each synced, one after the other: what a lone writer of that disk can have. */
export async function measureDiskSyncs(parent: string, seconds: number): Promise<number> {
  const directory = await mkdtemp(join(parent, "disk-"));
  try {
    const raw = await measureRaw(join(directory, "file"), { entryBytes: SYNC_BYTES, inFlight: 1, seconds });
    return raw.entriesPerSecond;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
