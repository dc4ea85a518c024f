import type { Argv } from "yargs";
import { postCheckpoint } from "../cluster/probe.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Chosen, Context } from "../context.js";
import { parseDuration } from "../duration.js";
import { findEndpoints, stoppedHint } from "../endpoints.js";
import { CliError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { demandOneCluster, readNodeRows } from "../node-table.js";
import type { NodeRow } from "../node-table.js";
import { wholeNumber } from "../numbers.js";
import { say, sayJson, sayTable } from "../output.js";
import { leasesCommand } from "./admin-leases.js";
import { clusterOptions, flagOption, jsonOption, textOption } from "./options.js";

async function members(
  context: Context,
  argv: ClusterOptions,
  hash: boolean | number,
): Promise<readonly NodeRow[]> {
  const timeoutMs = parseDuration("--timeout", argv.timeout);
  const endpoints = findEndpoints(argv.endpoints, context.env, context.cwd);
  const rows = await readNodeRows(endpoints, { timeoutMs, hash });
  // Before anything is done, or compared.
  demandOneCluster(rows);
  return rows;
}

/** Tells what of the members is missing. @throws {CliError} UNAVAILABLE. */
function demandAll(
  context: Context,
  argv: ClusterOptions,
  rows: readonly {
    readonly name: string | null;
    readonly endpoint: string;
    readonly reason: string | null;
  }[],
): void {
  const missing = rows.filter(({ reason }) => reason !== null);
  for (const { name, endpoint, reason } of missing) context.err.write(`${name ?? endpoint}: ${reason}\n`);
  if (missing.length === 0) return;
  const hint = stoppedHint(argv.endpoints, context.env, context.cwd);
  const names = missing.map(({ name, endpoint }) => name ?? endpoint).join(", ");
  throw new CliError(
    "UNAVAILABLE",
    EXIT.unavailable,
    `not done by ${names}${hint === null ? "" : `; ${hint}`}`,
  );
}

async function checkpoint(context: Context, argv: ClusterOptions): Promise<ExitCode> {
  const timeoutMs = parseDuration("--timeout", argv.timeout);
  const nodes = await members(context, argv, false);
  const rows = await Promise.all(
    nodes.map(async ({ endpoint, name, reachable, reason }) => {
      const made = reachable ? await postCheckpoint(endpoint, timeoutMs) : null;
      return {
        name,
        endpoint,
        index: made?.ok === true ? made.value.index : null,
        tookMs: made?.ok === true ? made.value.tookMs : null,
        reason: made?.ok === false ? made.reason : reason,
      };
    }),
  );
  if (argv.json) sayJson(context, rows);
  else {
    const cells = rows.map(({ endpoint, index, name, tookMs }) => [name, endpoint, index, tookMs]);
    await sayTable(context, ["name", "client", "index", "took ms"], cells);
  }
  demandAll(context, argv, rows);
  return EXIT.done;
}

/** Members that applied the same index and do not hold the same: what must never be (architecture, promise 4). */
function differing(rows: readonly HashRow[]): string | null {
  for (const one of rows) {
    const contents = rows.find(
      (row) => row.revision === one.revision && row.contentsHash !== one.contentsHash,
    );
    if (one.revision !== null && contents !== undefined)
      return `${one.name} and ${contents.name} differ at revision ${one.revision}`;
    const other = rows.find((row) => row.index === one.index && row.hash !== one.hash);
    if (one.index !== null && other !== undefined)
      return `${one.name} and ${other.name} differ at index ${one.index}`;
  }
  return null;
}

interface HashRow {
  readonly name: string | null;
  readonly endpoint: string;
  readonly witness: boolean | null;
  readonly index: number | null;
  readonly hash: string | null;
  readonly revision: number | null;
  readonly contentsHash: string | null;
  readonly reason: string | null;
}

function hashRow({ endpoint, name, reason, status }: NodeRow): HashRow {
  const noData = "it gave no hash: it has not formed, takes in a snapshot, or has no such revision";
  return {
    name,
    endpoint,
    witness: status?.witness ?? null,
    index: status?.stateHashIndex ?? null,
    hash: status?.stateHash ?? null,
    revision: status?.hashRevision ?? null,
    contentsHash: status?.hash ?? null,
    reason: status !== null && status.hash === null && !status.witness ? noData : reason,
  };
}

async function hash(
  context: Context,
  argv: ClusterOptions & { readonly revision: string | undefined },
): Promise<ExitCode> {
  const asked = argv.revision === undefined ? true : wholeNumber("--revision", argv.revision, 1);
  const rows = (await members(context, argv, asked)).map(hashRow);
  const different = differing(rows);
  const indexes = new Set(rows.flatMap(({ index }) => (index === null ? [] : [index])));
  if (argv.json) sayJson(context, rows);
  else {
    const cells = rows.map((row) => [
      row.name,
      row.endpoint,
      row.index,
      row.hash,
      row.revision,
      row.contentsHash,
    ]);
    await sayTable(context, ["name", "client", "index", "state hash", "revision", "contents hash"], cells);
  }
  if (different !== null) throw new CliError("HASHES_DIFFER", EXIT.negative, different);
  demandAll(context, argv, rows);
  if (indexes.size > 1)
    context.err.write("not all at one index, so not comparable: ask again when fewer writes come in\n");
  return EXIT.done;
}

async function compact(
  context: Context,
  argv: ClusterOptions & { readonly revision: string },
): Promise<ExitCode> {
  const revision = wholeNumber("REVISION", argv.revision, 1);
  const { floor } = await withClient(context, argv, (client, timeoutMs) =>
    client.compact(revision, { timeoutMs }),
  );
  if (argv.json) sayJson(context, { floor });
  else say(context, `compacted: ${floor} is the oldest revision that can be read`);
  return EXIT.done;
}

export function adminCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return leasesCommand(parser, context, chosen)
    .usage("$0 admin <command>\n\nWhat an operator does to a running cluster.")
    .command(
      "checkpoint",
      "have every node make its store durable up to now, and shorten its log",
      (command) =>
        clusterOptions(command, "how long to wait for each node").example(
          "$0 admin checkpoint",
          "before a planned stop of the machine, or to free what the log takes",
        ),
      (argv) => {
        chosen.action = () => checkpoint(context, argv);
      },
    )
    .command(
      "compact <revision>",
      "let the cluster forget what was before a revision",
      (command) =>
        clusterOptions(command)
          .positional("revision", {
            type: "string",
            demandOption: true,
            describe: "the oldest that shall still be read",
          })
          .example("$0 admin compact 1000", "reads and watches of revisions below 1000 fail from then on"),
      (argv) => {
        chosen.action = () => compact(context, argv);
      },
    )
    .command(
      "hash",
      "every node's hash of all that it holds; exit code 1 when two differ at one index",
      (command) =>
        clusterOptions(command, "how long to wait for each node")
          .option(
            "revision",
            textOption("of the keys as they stood at that revision", "all that is there now"),
          )
          .epilogue("Each node reads its whole store for it.")
          .example("$0 admin hash", "one row a node; equal hashes at one index mean equal state")
          .example(
            "$0 admin hash --revision 1000",
            "while writes go on: equal at one revision means equal keys",
          )
          .example("$0 admin hash --json", "one array with an object a node"),
      (argv) => {
        chosen.action = () => hash(context, argv);
      },
    )
    .command(
      "force-new-cluster",
      "make a cluster of one out of a survivor, when the majority is lost for good",
      (command) =>
        command
          .option("data-dir", {
            ...textOption("the survivor's data directory; its node must not run"),
            demandOption: true,
          } as const)
          .option("yes", flagOption("do it: without, it only tells what would be kept and lost"))
          .option("json", jsonOption)
          .example("$0 admin force-new-cluster --data-dir /var/lib/raftkv", "what there is")
          .example(
            "$0 admin force-new-cluster --data-dir /var/lib/raftkv --yes",
            "then start the node as before",
          ),
      (argv) => {
        chosen.action = async () => {
          // Loads the node, which those who ask a cluster need not wait for.
          const { forceCluster } = await import("./force-new-cluster.js");
          return forceCluster(context, argv);
        };
      },
    )
    .demandCommand(1, "admin: say checkpoint, compact, hash, leases or force-new-cluster");
}
