import type { Argv } from "yargs";
import { probeHealth, probeReady } from "../cluster/probe.js";
import type { Heading } from "../commands.js";
import type { Chosen, Context } from "../context.js";
import { parseDuration } from "../duration.js";
import { findEndpoints, stoppedHint } from "../endpoints.js";
import { CliError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { demandOneCluster, readNodeRows } from "../node-table.js";
import type { NodeRow } from "../node-table.js";
import { sayJson, sayTable } from "../output.js";
import { clusterOptions } from "./options.js";
import type { ClusterOptions } from "../cluster-request.js";

/** A node as it says of itself: alive, which is no more than that; ready, when it answers linearizable reads. */
interface Health {
  readonly name: string | null;
  readonly endpoint: string;
  readonly reachable: boolean;
  readonly healthy: boolean;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason: string | null;
}

async function healthOf(row: NodeRow, timeoutMs: number): Promise<Health> {
  const { endpoint, name, reachable, reason } = row;
  if (!reachable) return { name, endpoint, reachable, healthy: false, ready: false, reason };
  const [health, ready] = await Promise.all([
    probeHealth(endpoint, timeoutMs),
    probeReady(endpoint, timeoutMs),
  ]);
  const why = health.ok ? (ready.ok ? null : ready.reason) : health.reason;
  return { name, endpoint, reachable, healthy: health.ok, ready: ready.ok, reason: why };
}

async function run(context: Context, argv: ClusterOptions): Promise<ExitCode> {
  const timeoutMs = parseDuration("--timeout", argv.timeout);
  const endpoints = findEndpoints(argv.endpoints, context.env, context.cwd);
  const nodes = await readNodeRows(endpoints, { timeoutMs });
  const rows = await Promise.all(nodes.map((node) => healthOf(node, timeoutMs)));
  if (argv.json) sayJson(context, rows);
  else {
    const cells = rows.map((row) => [row.name, row.endpoint, row.healthy, row.ready, row.reason]);
    await sayTable(context, ["name", "client", "healthy", "ready", "why not"], cells);
  }
  demandOneCluster(nodes);
  if (rows.every((row) => row.ready)) return EXIT.done;
  if (rows.some((row) => row.reachable)) {
    const bad = rows.filter((row) => !row.ready).map((row) => row.name ?? row.endpoint);
    throw new CliError("NOT_READY", EXIT.negative, `not ready: ${bad.join(", ")}`);
  }
  const hint = stoppedHint(argv.endpoints, context.env, context.cwd);
  throw new CliError("UNAVAILABLE", EXIT.unavailable, `no node answers${hint === null ? "" : `; ${hint}`}`);
}

export function healthCommand(parser: Argv, context: Context, chosen: Chosen, heading: Heading): Argv {
  return parser.command(
    heading.usage,
    heading.describe,
    (command) =>
      clusterOptions(command, "how long to wait for each node")
        .epilogue("Exit code 0: every node serves. 1: some do not; they are named. 3: no node answers.")
        .example("$0 health", "one row a node")
        .example("$0 health --endpoints 127.0.0.1:7401 --json", "every member, through one address"),
    (argv) => {
      chosen.action = () => run(context, argv);
    },
  );
}
