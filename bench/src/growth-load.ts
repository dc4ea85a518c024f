import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Latencies } from "./loader/latencies.js";
import type { LoaderGroup } from "./loader/group.js";
import { JOB_DEFAULTS } from "./loader/protocol.js";
import type { Job } from "./loader/protocol.js";
import { measureJob } from "./measure.js";
import type { Measured } from "./measure.js";
import type { Progress } from "./progress.js";
import type { RunningSide, Side } from "./sides/side.js";

const CONNECTIONS_MAX = 32;

/** A cluster with its load, of which all parts of this benchmark ask the same. */
export interface Subject {
  readonly side: Side;
  readonly running: RunningSide;
  readonly loaders: LoaderGroup;
  readonly folder: string;
}

/** Puts, closed-loop unless the shape says otherwise, over as many connections as the other benchmarks use. */
export function putLoad(
  { loaders, running }: Subject,
  shape: Partial<Job> & Pick<Job, "clients" | "seconds">,
  progress: Progress,
): Promise<Measured> {
  const connections = Math.min(shape.clients, CONNECTIONS_MAX);
  return measureJob(running, loaders, { ...JOB_DEFAULTS, connections, ...shape }, progress);
}

/** In microseconds. */
export function p99Of({ result }: Measured): number {
  const latencies = new Latencies();
  latencies.add(result.latencies);
  return latencies.percentile(99);
}

/** What the disk gives to it, holes left out. A file that goes away meanwhile counts nothing. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isFile()) return 0;
      const found = await stat(join(entry.parentPath, entry.name)).catch(() => null);
      return (found?.blocks ?? 0) * 512;
    }),
  );
  return sizes.reduce((sum, each) => sum + each, 0);
}
