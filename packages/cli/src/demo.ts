// `npm run demo`: the promise of this project, shown on real processes in a few seconds. Every line behind a $ is a
// command that runs here as it would in a shell.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@raftkv/client";
import { requireCluster } from "./cluster/directory.js";
import { waitUntil } from "./cluster/wait.js";
import { runCommandLine } from "./command-line.js";
import type { Context } from "./context.js";
import type { Endpoint } from "./endpoints.js";
import { CliError, reportOf } from "./errors.js";
import { EXIT } from "./exit-codes.js";
import { readNodeRows } from "./node-table.js";
import { sayError } from "./output.js";

const KEYS = 200;
const CONVERGE_LIMIT_MS = 20_000;
const PROBE_TIMEOUT_MS = 2_000;

const key = (number: number): string => `demo/${String(number).padStart(4, "0")}`;
const value = (number: number): string => `value ${number}`;

const directory = mkdtempSync(join(tmpdir(), "raftkv-demo-"));
const stopping = new AbortController();
const context: Context = {
  out: process.stdout,
  err: process.stderr,
  input: process.stdin,
  env: process.env,
  cwd: directory,
  commandName: null,
};

function tell(line: string): void {
  process.stdout.write(`\n${line}\n`);
}

async function command(...args: readonly string[]): Promise<void> {
  process.stdout.write(`\n$ raftkv ${args.join(" ")}\n`);
  const code = await runCommandLine(args, context);
  if (code !== EXIT.done)
    throw new CliError("DEMO_FAILED", EXIT.refused, `that ended with exit code ${code}`);
  if (stopping.signal.aborted) throw new CliError("DEMO_STOPPED", EXIT.unavailable, "interrupted");
}

function fail(what: string): never {
  throw new CliError("DEMO_FAILED", EXIT.refused, what);
}

function endpoints(): readonly Endpoint[] {
  return requireCluster(join(directory, ".raftkv")).nodes.map(({ name, client }) => ({
    name,
    address: client,
  }));
}

async function findLeader(): Promise<string> {
  let leader: string | null = null;
  await waitUntil(
    async () => {
      const rows = await readNodeRows(endpoints(), { timeoutMs: PROBE_TIMEOUT_MS, hash: true });
      leader = rows.find((row) => row.status?.role === "leader")?.name ?? null;
      return leader !== null;
    },
    { limitMs: CONVERGE_LIMIT_MS },
  );
  return leader ?? fail("no node leads");
}

/** All nodes are there, have applied the same index, and hold the same bytes. */
async function haveConverged(): Promise<boolean> {
  const rows = await readNodeRows(endpoints(), { timeoutMs: PROBE_TIMEOUT_MS, hash: true });
  const states = rows.map(({ status }) => (status === null ? null : `${status.appliedIndex} ${status.hash}`));
  return !states.includes(null) && new Set(states).size === 1;
}

async function putAndKill(): Promise<string> {
  const client = await connect({ endpoints: endpoints().map(({ address }) => address) });
  try {
    const numbers = Array.from({ length: KEYS }, (_, number) => number);
    const from = performance.now();
    await Promise.all(numbers.map((number) => client.put(key(number), value(number))));
    tell(
      `Put ${KEYS} keys, ${key(0)} to ${key(KEYS - 1)}: acknowledged after ${Math.round(performance.now() - from)} ms.`,
    );

    const leader = await findLeader();
    tell(`${leader} leads. It gets no chance to say goodbye:`);
    await command("cluster", "kill", leader, "--signal", "SIGKILL");

    const killedAt = performance.now();
    const found = await Promise.all(numbers.map((number) => client.get(key(number))));
    const lost = numbers.filter((number) => found[number]?.text() !== value(number));
    if (lost.length > 0)
      fail(`${lost.length} of ${KEYS} acknowledged keys are missing, the first is ${key(lost[0] ?? 0)}`);
    tell(
      `Read all ${KEYS} keys back from the other two, ${Math.round(performance.now() - killedAt)} ms after the kill.`,
    );
    return leader;
  } finally {
    await client.close();
  }
}

async function demo(): Promise<void> {
  tell("Three nodes, each a process of its own, on free ports, in a temporary directory.");
  await command("cluster", "start", "--client-port", "0", "--peer-port", "0", "--detach");
  await command("kv", "put", "greeting", "hello");
  await command("kv", "get", "greeting");
  process.stdout.write(process.stdout.isTTY ? "" : "\n");
  const leader = await putAndKill();
  tell(`${leader} comes back and catches up.`);
  await command("cluster", "start-node", leader);
  if (!(await waitUntil(haveConverged, { limitMs: CONVERGE_LIMIT_MS })))
    fail("the replicas did not become equal");
  await command("status");
  tell("Every replica holds the same bytes: the hashes are equal.");
}

/** Whatever happened, nothing stays behind: no process, no directory. */
async function cleanUp(): Promise<void> {
  process.stdout.write("\n$ raftkv cluster stop\n");
  await runCommandLine(["cluster", "stop"], context);
  rmSync(directory, { recursive: true, force: true });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort());
const startedAt = performance.now();
try {
  await demo();
} catch (error) {
  const report = reportOf(error);
  sayError(context, report, false);
  process.exitCode = report.exitCode;
}
await cleanUp();
if (process.exitCode === undefined)
  tell(`Done in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s.`);
