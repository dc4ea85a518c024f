import { constants } from "node:os";
import { CliError, usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import { requireCluster, requireNode } from "./directory.js";
import { signalNode, waitUntilGone } from "./running.js";

/** Signals after which a process is meant to be gone, so that it is worth waiting for. */
const DEADLY: readonly NodeJS.Signals[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT"];
const GONE_LIMIT_MS = 10_000;

/** `SIGKILL`, `KILL`, `kill` or `9`. */
export function parseSignal(text: string): NodeJS.Signals {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const wanted = text.trim().toUpperCase();
  const found = names.find(
    (name) => name === wanted || name === `SIG${wanted}` || String(constants.signals[name]) === wanted,
  );
  if (found !== undefined) return found;
  throw usageError(`--signal is "${text}", but must be a signal, as in SIGKILL, SIGTERM, SIGSTOP or SIGCONT`);
}

/**
 * Sends a signal to a node, and after a deadly one waits until its process is gone. Returns the pid.
 * @throws {CliError} NOT_RUNNING, NO_SUCH_NODE, NO_CLUSTER; STILL_RUNNING when it has not gone in time.
 */
export async function killNode(directory: string, name: string, signal: NodeJS.Signals): Promise<number> {
  const node = requireNode(requireCluster(directory), name);
  if (node.pid === null || !signalNode(directory, node, signal)) {
    throw new CliError("NOT_RUNNING", EXIT.refused, `${name} is not running`);
  }
  if (DEADLY.includes(signal)) {
    const left = await waitUntilGone(directory, [node], GONE_LIMIT_MS);
    if (left.length > 0) {
      throw new CliError(
        "STILL_RUNNING",
        EXIT.unavailable,
        `${name} (pid ${node.pid}) got ${signal}, but still runs after ${GONE_LIMIT_MS} ms`,
      );
    }
  }
  return node.pid;
}
