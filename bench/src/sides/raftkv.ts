import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  probeReady,
  probeStatus,
  readCluster,
  startCluster,
  startNode,
  stopNodes,
  waitUntilServing,
} from "@raftkv/cli";
import { MODES } from "../loader/modes.js";
import { OPERATIONS } from "../loader/operations.js";
import { scrape } from "../meters/scrape.js";
import { SideError } from "./side.js";
import type { RunningSide, ServerCounters, Side, StartOptions } from "./side.js";

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 30_000;
const PROBE_TIMEOUT_MS = 1_000;
/** Asking for the second begins it anew. */
const COUNTERS = ["raftkv_wal_fsyncs_total", "nodejs_eventloop_lag_max_seconds"];
const LOADER = fileURLToPath(new URL("../loader/main.js", import.meta.url));
const PROFILER = new URL("../profile/hook.js", import.meta.url).href;

export const raftkv: Side = {
  name: "raftkv",
  title: "raftkv",
  unsynced: null,
  can: ({ mode, operation }) => MODES[mode] !== undefined && OPERATIONS[operation] !== undefined,
  missing: () => null,
  prepare: () => Promise.resolve(),
  version: () => `Node.js ${process.version}`,
  start: startRaftkv,
};

async function startRaftkv(options: StartOptions): Promise<RunningSide> {
  const { directory, nodes, signal, profileDirectory } = options;
  const home = join(directory, "cluster");
  const env = await environment(profileDirectory);
  const slow: string[] = [];
  const stop = async (): Promise<void> => {
    if (readCluster(home) === null) return;
    // One that was stopped by a signal does not hear of its end.
    for (const name of pidsOf(home).keys()) signalNode(home, name, "SIGCONT");
    await stopNodes(home, STOP_LIMIT_MS, (names) => slow.push(...names));
    if (slow.length > 0) {
      process.stderr.write(`${slow.join(", ")} did not stop within ${STOP_LIMIT_MS} ms and was killed\n`);
    }
  };
  const loaderFor = (endpoints: readonly string[]) => ({
    command: process.execPath,
    args: [LOADER, "raftkv", endpoints.join(",")],
  });
  try {
    const started = await startCluster(home, { nodes, clientPort: 0, peerPort: 0 }, env);
    await waitUntilServing(started, { limitMs: START_LIMIT_MS, signal });
    signal.throwIfAborted();
    const addresses = new Map(started.state.nodes.map(({ name, client }) => [name, client]));
    const address = (name: string): string => {
      const found = addresses.get(name);
      if (found === undefined) throw new SideError(`there is no node ${name}`);
      return found;
    };
    const all = [...addresses.values()];
    return {
      loader: loaderFor(all),
      loaderOf: (names) => loaderFor(names.map(address)),
      pids: () => pidsOf(home),
      counters: () => countersOf(all),
      leader: () => findLeader(addresses),
      signal: (name, kind) => signalNode(home, name, kind),
      restart: async (name) => {
        await startNode(home, name, START_LIMIT_MS, env);
      },
      address,
      isServing: async (name) => (await probeReady(address(name), PROBE_TIMEOUT_MS)).ok,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Node.js 20 takes no --cpu-prof from the environment, but a module to import first. */
async function environment(profileDirectory: string | null): Promise<NodeJS.ProcessEnv> {
  if (profileDirectory === null) return process.env;
  await mkdir(profileDirectory, { recursive: true });
  const options = [process.env["NODE_OPTIONS"], `--import=${PROFILER}`];
  return {
    ...process.env,
    NODE_OPTIONS: options.filter((option) => option !== undefined).join(" "),
    RAFTKV_BENCH_PROFILE_DIR: profileDirectory,
  };
}

async function countersOf(addresses: readonly string[]): Promise<ServerCounters> {
  const found = await Promise.all(addresses.map((address) => scrape(address, COUNTERS)));
  return {
    fsyncs: found.map(([fsyncs = 0]) => fsyncs),
    lagMicros: Math.max(...found.map(([, seconds = 0]) => seconds * 1e6)),
  };
}

function pidsOf(home: string): Map<string, number> {
  const nodes = readCluster(home)?.nodes ?? [];
  return new Map(nodes.flatMap(({ name, pid }) => (pid === null ? [] : [[name, pid]])));
}

function signalNode(home: string, name: string, signal: NodeJS.Signals): void {
  const pid = pidsOf(home).get(name);
  if (pid === undefined) throw new SideError(`${name} does not run`);
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function findLeader(addresses: ReadonlyMap<string, string>): Promise<string> {
  const found = await Promise.all(
    [...addresses].map(async ([name, address]) => {
      const status = await probeStatus(address, { timeoutMs: PROBE_TIMEOUT_MS });
      return status.ok && status.value.role === "leader" ? name : null;
    }),
  );
  const leader = found.find((name) => name !== null);
  if (leader === undefined || leader === null) throw new Error("nobody leads");
  return leader;
}
