import { exitCodeOf } from "./errors.js";
import { startNode } from "./node.js";
import type { RunningNode } from "./node.js";
import type { NodeOptions } from "./options.js";

/** A clean stop that takes longer than this has hung: the log is safe without it. */
const STOP_MS = 20_000;

/**
 * A whole node process: runs until a signal stops it or it fails, and exits with the status that says why.
 * @throws what `startNode` throws, before anything ran.
 */
export async function runNode(options: NodeOptions): Promise<never> {
  const node = await startNode(options);
  const stop = new Promise<"signal">((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve("signal"));
  });
  // What nobody caught is a bug of ours: the process must not go on in a state that nobody has thought of (C6).
  const crash = new Promise<never>((_resolve, reject) => {
    process.on("uncaughtException", reject);
    process.on("unhandledRejection", reject);
  });
  try {
    await Promise.race([stop, node.ended, crash]);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(exitCodeOf(error));
  }
  process.exit(await stopped(node));
}

async function stopped(node: RunningNode): Promise<number> {
  const timer = setTimeout(() => {
    process.stderr.write(
      `error: ${node.name} did not stop within ${STOP_MS} ms; its log is complete all the same\n`,
    );
    process.exit(exitCodeOf(null));
  }, STOP_MS);
  try {
    await node.close();
    return 0;
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    return exitCodeOf(error);
  } finally {
    clearTimeout(timer);
  }
}
