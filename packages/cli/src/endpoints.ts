import { normalAddress } from "./address.js";
import { unescapeText } from "./arguments.js";
import { findCluster, readCluster, requireCluster } from "./cluster/directory.js";
import { runningNodes } from "./cluster/running.js";
import { usageError } from "./errors.js";

/** A node to talk to. The name is known when the address came from a cluster file. */
export interface Endpoint {
  readonly address: string;
  readonly name: string | null;
}

/** @throws {CliError} USAGE: empty, or an address that is none. */
export function parseEndpoints(setting: string, text: string): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const part of text.split(",")) {
    // The scheme that a browser or curl would want does no harm, since the same port speaks HTTP.
    const address = normalAddress(
      part
        .trim()
        .replace(/^(?:http|ws):\/\//, "")
        .replace(/\/$/, ""),
    );
    if (address === null) {
      throw usageError(
        `${setting} is "${text}", but must be HOST:PORT,… as in 127.0.0.1:7401,127.0.0.1:7402`,
      );
    }
    found.set(address, { address, name: null });
  }
  return [...found.values()];
}

function endpointsOf(directory: string): readonly Endpoint[] {
  return requireCluster(directory).nodes.map(({ client, name }) => ({ address: client, name }));
}

/** The cluster of this folder or one above, when the endpoints come from there and not from what the user said. */
function localCluster(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): string | null {
  const variable = env["RAFTKV_ENDPOINTS"]?.trim() ?? "";
  return option === undefined && variable === "" ? findCluster(folder) : null;
}

/** What to do when nobody answers because all nodes of the local cluster are down; null when that is not so. */
export function stoppedHint(...from: Parameters<typeof localCluster>): string | null {
  const directory = localCluster(...from);
  const state = directory === null ? null : readCluster(directory);
  if (directory === null || state === null || runningNodes(directory, state).length > 0) return null;
  return `no node of the cluster in ${directory} runs: \`raftkv cluster start\` resumes it`;
}

/**
 * Where the cluster is: what the option says, else RAFTKV_ENDPOINTS, else the cluster in `.raftkv` of this folder or
 * one above.
 * @throws {CliError} USAGE: an address is wrong; NO_ENDPOINTS: there is no cluster to talk to.
 */
export function findEndpoints(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): readonly Endpoint[] {
  if (option !== undefined) return parseEndpoints("--endpoints", unescapeText(option));
  const variable = env["RAFTKV_ENDPOINTS"];
  if (variable !== undefined && variable.trim() !== "") return parseEndpoints("RAFTKV_ENDPOINTS", variable);
  const directory = localCluster(option, env, folder);
  if (directory !== null && readCluster(directory) !== null) return endpointsOf(directory);
  throw usageError(
    `no cluster to talk to: give --endpoints HOST:PORT,… or set RAFTKV_ENDPOINTS; ` +
      `there is no .raftkv in ${folder} or above either`,
    "NO_ENDPOINTS",
  );
}
