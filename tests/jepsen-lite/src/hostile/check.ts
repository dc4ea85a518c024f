import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { metricOf } from "../harness/metric.js";
import { NodeProcesses } from "../harness/node-processes.js";
import { GoodClient, latenciesOf } from "./good-client.js";
import type { Latencies } from "./good-client.js";
import { CUT_BY_NODE } from "./misbehaviour.js";
import type { Misbehaviour } from "./misbehaviour.js";
import { misbehaviours } from "./misbehaviours.js";

const LOADER = fileURLToPath(new URL("./loader.js", import.meta.url));
/** Rests behind a misbehaviour are as quiet as the beginning only when what it left behind is gone. */
const SETTLE_MS = 1_000;
const RSS_EVERY_MS = 100;
const MIB = 1024 * 1024;

export interface HostileOptions {
  readonly connections: number;
  readonly quietSeconds: number;
  readonly seconds: number;
  readonly coreShare: number;
  /** Only those whose name has this in it. */
  readonly only: string;
  /** Knobs of the nodes, so that what takes half a minute by default is over in time. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

export interface Outcome {
  readonly misbehaviour: Misbehaviour;
  readonly ends: Readonly<Record<string, number>>;
  readonly cores: number;
  /** The first line of it in the log of the node. */
  readonly logLine: string | null;
  readonly linesLogged: number;
  /** How long it took. */
  readonly seconds: number;
  readonly latencies: Latencies;
  readonly errors: readonly string[];
  readonly rssBefore: number;
  readonly rssMax: number;
}

export interface HostileVerdict {
  readonly quiet: Latencies;
  readonly outcomes: readonly Outcome[];
  /** Nodes that ended. */
  readonly ended: readonly string[];
}

/** Three nodes, one good client, and the others one after the other, all of them against the leader. */
export async function checkHostile(options: HostileOptions): Promise<HostileVerdict> {
  const { connections, log, only, quietSeconds } = options;
  const logs = new Map<string, string>();
  const nodes = await NodeProcesses.prepare({
    nodes: 3,
    env: options.env,
    logOf: (name) => {
      const path = join(nodes.dir, `${name}.log`);
      logs.set(name, path);
      return path;
    },
  });
  let good: GoodClient | null = null;
  const pids = new Map(nodes.names.map((name) => [name, nodes.spawn(name)]));
  try {
    const leader = await nodes.leader();
    const pid = pids.get(leader.name) ?? -1;
    const logFile = logs.get(leader.name) ?? "";
    good = await GoodClient.connect(nodes.endpoints);
    const quiet: number[] = [];
    const outcomes: Outcome[] = [];
    await pause(SETTLE_MS);
    good.take();
    await pause(quietSeconds * 1_000);
    quiet.push(...good.take());
    const all = misbehaviours(connections);
    for (const [number, misbehaviour] of all.entries()) {
      if (!misbehaviour.name.includes(only)) continue;
      log(`${misbehaviour.name}: ${misbehaviour.sends}`);
      const rssBefore = rssOf(pid);
      const linesBefore = linesOf(logFile).length;
      const cutBefore = await cutBy(nodes.endpoint(leader.name));
      const errorsBefore = good.errors.length;
      let rssMax = rssBefore;
      const rssTimer = setInterval(() => {
        rssMax = Math.max(rssMax, rssOf(pid));
      }, RSS_EVERY_MS);
      let startMs = 0;
      const { ends, cores } = await load(nodes.endpoint(leader.name), number, {
        ...options,
        seconds: Math.max(options.seconds, misbehaviour.secondsMin ?? 0),
        onBegin: () => {
          good?.take();
          startMs = performance.now();
        },
      });
      const latencies = latenciesOf(good.take());
      clearInterval(rssTimer);
      // What was only counted is told once the stretch is over; what is half open, when the node has found it out.
      await pause(SETTLE_MS);
      ends[CUT_BY_NODE] = (await cutBy(nodes.endpoint(leader.name))) - cutBefore;
      const lines = linesOf(logFile).slice(linesBefore);
      const { logLine } = misbehaviour;
      outcomes.push({
        misbehaviour,
        ends,
        cores,
        logLine: lines.find((line) => logLine === null || logLine.test(line)) ?? null,
        linesLogged: lines.length,
        seconds: (performance.now() - startMs) / 1_000,
        latencies,
        errors: good.errors.slice(errorsBefore),
        rssBefore,
        rssMax,
      });
      log(`  ${describeEnds(ends)}; p99 ${latencies.p99Ms.toFixed(1)} ms, ${mib(rssMax)} MiB`);
      good.take();
      await pause(SETTLE_MS);
      quiet.push(...good.take());
    }
    const ended = nodes.names.filter((name) => nodes.hasEnded(name));
    return { quiet: latenciesOf(quiet), outcomes, ended };
  } finally {
    await good?.close().catch(() => undefined);
    await nodes.stop();
  }
}

export function describeEnds(ends: Readonly<Record<string, number>>): string {
  const parts = Object.entries(ends).map(([end, count]) => `${end} ${count}`);
  return parts.length === 0 ? "nothing was seen" : parts.join(", ");
}

export function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}

async function load(
  target: string,
  number: number,
  { connections, coreShare, onBegin, seconds }: HostileOptions & { readonly onBegin: () => void },
): Promise<{ ends: Record<string, number>; cores: number }> {
  const args = [LOADER, target, connections, number, seconds, coreShare].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  // Its own start takes a core for a moment, and is nothing that it does to the node.
  child.once("message", () => {
    setTimeout(() => {
      onBegin();
      child.send("begin");
    }, SETTLE_MS);
  });
  await new Promise((resolve) => child.once("close", resolve));
  if (out === "") throw new Error("the loader ended without a word");
  return JSON.parse(out) as { ends: Record<string, number>; cores: number };
}

/** Of clients, since the node started. */
export function cutBy(endpoint: string): Promise<number> {
  return metricOf(endpoint, "raftkv_connections_cut_total");
}

function linesOf(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** Resident memory in bytes; 0 when the process is gone. */
function rssOf(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
