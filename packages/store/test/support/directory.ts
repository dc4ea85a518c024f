import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** A new directory, removed by `removeDirectories`. */
export async function makeDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "raftkv-store-"));
  made.push(path);
  return path;
}

/** For `afterEach`. */
export async function removeDirectories(): Promise<void> {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
}
