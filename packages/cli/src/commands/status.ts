import type { Argv } from "yargs";
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
import type { Cell } from "../output.js";
import { endpointsOption, jsonOption, timeoutOption } from "./options.js";

const HEADS = ["name", "client", "role", "term", "commit", "applied", "revision", "hash", "mode"];
const HASH_DIGITS = 16;

function cells({ name, endpoint, status }: NodeRow): readonly Cell[] {
  if (status === null) return [name, endpoint, "unreachable", null, null, null, null, null, null];
  const { role, term, commitIndex, appliedIndex, revision, hash, fsmSyncMode } = status;
  return [
    name,
    endpoint,
    status.witness ? `${role} (witness)` : role,
    term,
    commitIndex,
    appliedIndex,
    revision,
    hash?.slice(0, HASH_DIGITS),
    fsmSyncMode,
  ];
}

/** One object of one shape for each node, reached or not. */
function json({ name, endpoint, reachable, reason, status }: NodeRow) {
  return {
    name,
    endpoint,
    reachable,
    reason,
    role: status?.role ?? null,
    witness: status?.witness ?? null,
    term: status?.term ?? null,
    leader: status?.leader ?? null,
    commit: status?.commitIndex ?? null,
    applied: status?.appliedIndex ?? null,
    last: status?.lastIndex ?? null,
    revision: status?.revision ?? null,
    hash: status?.hash ?? null,
    hashRevision: status?.hashRevision ?? null,
    hashComparedIndex: status?.hashComparedIndex ?? null,
    hashAlarm: status?.hashAlarm ?? null,
    logFormat: status?.logFormat ?? null,
    leaderLeases: status?.leaderLeases ?? null,
    leaseRemainingMs: status?.leaseRemainingMs ?? null,
    failure: status?.failure ?? null,
    mode: status?.fsmSyncMode ?? null,
    pid: status?.pid ?? null,
    serverId: status?.serverId ?? null,
    clusterId: status?.clusterId ?? null,
    version: status?.version ?? null,
    uptimeSeconds: status?.uptimeSeconds ?? null,
  };
}

export function statusCommand(parser: Argv, context: Context, chosen: Chosen, heading: Heading): Argv {
  return parser.command(
    heading.usage,
    heading.describe,
    (command) =>
      command
        .option("endpoints", endpointsOption)
        .option("timeout", timeoutOption("5s", "how long to wait for each node"))
        .option("json", jsonOption)
        .example("$0 status", "one row a node; equal hashes at one revision mean equal contents")
        .example("$0 status --endpoints 127.0.0.1:7401", "one address is enough to see every member")
        .example("$0 status --json", "one array with an object a node"),
    (argv) => {
      chosen.action = async (): Promise<ExitCode> => {
        const timeoutMs = parseDuration("--timeout", argv.timeout);
        const endpoints = findEndpoints(argv.endpoints, context.env, context.cwd);
        const rows = await readNodeRows(endpoints, { timeoutMs, hash: true });
        if (argv.json) sayJson(context, rows.map(json));
        else {
          await sayTable(context, HEADS, rows.map(cells));
          for (const { name, endpoint, reason, status } of rows) {
            if (reason !== null) context.err.write(`${name ?? endpoint} cannot be reached: ${reason}\n`);
            // A node of an older version says neither.
            const failure = status?.failure ?? null;
            const hashAlarm = status?.hashAlarm ?? null;
            if (failure !== null) context.err.write(`${name} does not serve: ${failure.message}\n`);
            if (hashAlarm !== null) context.err.write(`alarm of ${name}: ${hashAlarm}\n`);
          }
        }
        demandOneCluster(rows);
        if (rows.some((row) => row.reachable)) return EXIT.done;
        const hint = stoppedHint(argv.endpoints, context.env, context.cwd);
        const message = `no node answers${hint === null ? "" : `; ${hint}`}`;
        throw new CliError("UNAVAILABLE", EXIT.unavailable, message);
      };
    },
  );
}
