import { exitCodeOf } from "./errors.js";
import { startNode } from "./start-node.js";
import type { RunningNode } from "./running-node.js";
import type { NodeOptions } from "./options.js";

/** A clean stop that takes longer than this has hung: the log is safe without it. */
const STOP_MS = 20_000;

/**
 * A whole node process: runs until a signal stops it or it fails, and exits with the status that says why.
 * @throws what `startNode` throws, before anything ran.
 */
export async function runNode(options: NodeOptions): Promise<never> {
  // What nobody caught is a bug of ours: the process must not go on in a state that nobody has thought of (C6), neither
  // while it starts nor while it stops.
  const crash = new Promise<never>((_resolve, reject) => {
    process.on("uncaughtException", reject);
    process.on("unhandledRejection", reject);
  });
  const node = await Promise.race([startNode(options), crash]);
  const stop = new Promise<"signal">((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve("signal"));
  });
  try {
    await Promise.race([stop, node.ended, crash]);
    await Promise.race([stopped(node), crash]);
  } catch (error) {
    process.stderr.write(`error: ${describe(error)}\n`);
    process.exit(exitCodeOf(error));
  }
  process.exit(0);
}

/** A typed error says what happened; of a bug it is asked where. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isTyped = typeof (error as { readonly code?: unknown }).code === "string";
  return isTyped ? error.message : (error.stack ?? error.message);
}

/** @throws also what went wrong on the way without keeping the node from closing. */
async function stopped(node: RunningNode): Promise<void> {
  const timer = setTimeout(() => {
    process.stderr.write(
      `error: ${node.name} did not stop within ${STOP_MS} ms; its log is complete all the same\n`,
    );
    process.exit(exitCodeOf(null));
  }, STOP_MS);
  try {
    await node.close();
    await node.ended;
  } finally {
    clearTimeout(timer);
  }
}
