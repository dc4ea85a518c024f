import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { LoaderGroup } from "./loader/group.js";
import type { LoaderCommand } from "./loader/process.js";
import { SIDES } from "./sides/index.js";
import type { RunningSide, Side, SideName, StartOptions } from "./sides/side.js";

/** A folder of its own below `parent`, gone afterwards. */
export async function withFolder<T>(parent: string, body: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(resolve(parent), "raftkv-bench-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A cluster of one side, taken away with all its data afterwards. */
export function withSide<T>(
  side: Side,
  { directory, ...options }: StartOptions,
  body: (running: RunningSide) => Promise<T>,
): Promise<T> {
  return withFolder(directory, async (folder) => {
    const running = await side.start({ ...options, directory: folder });
    try {
      return await body(running);
    } finally {
      await running.stop();
    }
  });
}

/** Processes that make load; killed when the signal is aborted, upon which what they were doing fails. */
export async function withLoaders<T>(
  command: LoaderCommand,
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
  body: (loaders: LoaderGroup) => Promise<T>,
): Promise<T> {
  const loaders = await LoaderGroup.start(command, count);
  const abort = (): void => loaders.kill();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const result = await body(loaders);
    await loaders.close();
    return result;
  } finally {
    signal.removeEventListener("abort", abort);
    loaders.kill();
  }
}

/** Those of the names that can run here, made ready; the others are skipped with what to install. */
export async function installedSides(names: readonly SideName[]): Promise<Side[]> {
  const sides: Side[] = [];
  for (const name of names) {
    const side = SIDES[name];
    const missing = side.missing();
    if (missing === null) {
      await side.prepare();
      sides.push(side);
    } else process.stderr.write(`${side.title} is skipped: ${missing}\n`);
  }
  return sides;
}
