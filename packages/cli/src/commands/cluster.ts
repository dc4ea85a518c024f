import { resolve } from "node:path";
import type { Argv } from "yargs";
import { unescapeText } from "../arguments.js";
import { DEFAULT_DIRECTORY, findCluster, requireCluster } from "../cluster/directory.js";
import { killNode, parseSignal } from "../cluster/kill.js";
import { isRunning } from "../cluster/running.js";
import { startNode } from "../cluster/start.js";
import { stopNodes } from "../cluster/stop.js";
import type { Chosen, Context } from "../context.js";
import { parseDuration } from "../duration.js";
import { CliError, usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { wholeNumber } from "../numbers.js";
import { say, sayJson, sayTable } from "../output.js";
import { runCluster } from "./cluster-start.js";
import { directoryOption, jsonOption, newDirectoryOption, timeoutOption } from "./options.js";

function absolute(context: Context, dir: string): string {
  if (dir === "") throw usageError('--dir is "", but must be a directory');
  return resolve(context.cwd, unescapeText(dir));
}

/** Without --dir: the cluster of this folder or of the nearest one above. */
function existing(context: Context, dir: string | undefined): string {
  if (dir !== undefined) return absolute(context, dir);
  return findCluster(context.cwd) ?? absolute(context, DEFAULT_DIRECTORY);
}

function optionalNumber(option: string, value: string | undefined): number | null {
  return value === undefined ? null : wholeNumber(option, value);
}

async function status(context: Context, directory: string, json: boolean): Promise<ExitCode> {
  const rows = requireCluster(directory).nodes.map((node) => {
    const running = isRunning(directory, node);
    return { name: node.name, pid: running ? node.pid : null, client: node.client, peer: node.peer, running };
  });
  if (json) sayJson(context, rows);
  else {
    const heads = ["name", "pid", "client", "peer", "running"];
    await sayTable(
      context,
      heads,
      rows.map((row) => [row.name, row.pid, row.client, row.peer, row.running]),
    );
  }
  return EXIT.done;
}

async function stop(context: Context, directory: string, limitMs: number, json: boolean): Promise<ExitCode> {
  requireCluster(directory);
  const result = await stopNodes(directory, limitMs, (names) =>
    context.err.write(`${names.join(", ")} did not stop within ${limitMs} ms: killing\n`),
  );
  if (json) sayJson(context, result);
  else if (result.stopped.length > 0) say(context, `stopped ${result.stopped.join(", ")}`);
  else if (result.left.length === 0) say(context, "nothing was running");
  if (result.left.length === 0) return EXIT.done;
  throw new CliError("STILL_RUNNING", EXIT.unavailable, `${result.left.join(", ")} could not be stopped`);
}

const NODE = { type: "string", demandOption: true, describe: "the node's name, as in n1" } as const;

export function clusterCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 cluster <command>\n\nKeeps a cluster of real node processes on this machine.")
    .command(
      "start",
      "start a new cluster, or resume the one in --dir",
      (command) =>
        command
          .option("nodes", {
            type: "string",
            requiresArg: true,
            describe: "how many",
            defaultDescription: "3",
          })
          .option("dir", newDirectoryOption)
          .option("client-port", {
            type: "string",
            requiresArg: true,
            describe: "of n1, the others follow; 0 finds free ones",
            defaultDescription: "7401",
          })
          .option("peer-port", {
            type: "string",
            requiresArg: true,
            describe: "of n1, the others follow; 0 finds free ones",
            defaultDescription: "7501",
          })
          .option("detach", {
            type: "boolean",
            default: false,
            describe: "leave the nodes running and return",
          })
          .option("timeout", timeoutOption("30s", "how long a leader may take to serve, and nodes to stop"))
          .option("json", jsonOption)
          .example("$0 cluster start", "three nodes in .raftkv; Ctrl-C stops them")
          .example("$0 cluster start --detach", "the same, in the background")
          .example(
            "$0 cluster start --nodes 5 --dir /tmp/five --client-port 7601 --peer-port 7701",
            "another cluster",
          ),
      (argv) => {
        chosen.action = () =>
          runCluster(context, {
            directory: absolute(context, argv.dir),
            wish: {
              nodes: optionalNumber("--nodes", argv.nodes),
              clientPort: optionalNumber("--client-port", argv.clientPort),
              peerPort: optionalNumber("--peer-port", argv.peerPort),
            },
            detach: argv.detach,
            json: argv.json,
            timeoutMs: parseDuration("--timeout", argv.timeout),
          });
      },
    )
    .command(
      "status",
      "which nodes run, with their pids and addresses",
      (command) =>
        command
          .option("dir", directoryOption)
          .option("json", jsonOption)
          .example("$0 cluster status --json", "an array with name, pid, client, peer, running of each"),
      (argv) => {
        chosen.action = () => status(context, existing(context, argv.dir), argv.json);
      },
    )
    .command(
      "stop",
      "stop every node; returns when all processes are gone",
      (command) =>
        command
          .option("dir", directoryOption)
          .option("timeout", timeoutOption("30s", "how long a node may take before it is killed"))
          .option("json", jsonOption)
          .example("$0 cluster stop", "the data stays; `cluster start` resumes it"),
      (argv) => {
        chosen.action = () =>
          stop(context, existing(context, argv.dir), parseDuration("--timeout", argv.timeout), argv.json);
      },
    )
    .command(
      "kill <node>",
      "send a node a signal",
      (command) =>
        command
          .positional("node", NODE)
          .option("signal", { type: "string", requiresArg: true, default: "SIGKILL", describe: "which" })
          .option("dir", directoryOption)
          .option("json", jsonOption)
          .example("$0 cluster kill n2", "SIGKILL, as a crash would; returns when the process is gone")
          .example("$0 cluster kill n2 --signal SIGSTOP", "a pause; SIGCONT ends it"),
      (argv) => {
        chosen.action = async () => {
          const name = unescapeText(argv.node);
          const signal = parseSignal(unescapeText(argv.signal));
          const pid = await killNode(existing(context, argv.dir), name, signal);
          if (argv.json) sayJson(context, { name, pid, signal });
          else say(context, `sent ${signal} to ${name}, pid ${pid}`);
          return EXIT.done;
        };
      },
    )
    .command(
      "start-node <node>",
      "start a node that is down; returns once it listens, quorum or not",
      (command) =>
        command
          .positional("node", NODE)
          .option("dir", directoryOption)
          .option("timeout", timeoutOption("30s", "how long it may take to listen"))
          .option("json", jsonOption)
          .example("$0 cluster start-node n2", "after `cluster kill n2`"),
      (argv) => {
        chosen.action = async () => {
          const limitMs = parseDuration("--timeout", argv.timeout);
          const name = unescapeText(argv.node);
          const { pid, client } = await startNode(existing(context, argv.dir), name, limitMs, context.env);
          if (argv.json) sayJson(context, { name, pid, client });
          else say(context, `${name} listens on ${client}, pid ${pid}`);
          return EXIT.done;
        };
      },
    )
    .demandCommand(1, "cluster: say start, status, stop, kill or start-node");
}
