import {
  HOST_PORT_ALLOWED,
  KNOBS,
  LOG_LEVELS,
  environmentNameOf,
  exitCodeOf,
  flagOf,
  parseNodeOptions,
  runNode,
} from "@raftkv/node";
import type { KnobName, NodeOptions, RawNodeOptions } from "@raftkv/node";
import type { Argv, Options } from "yargs";
import { unescapeText } from "../arguments.js";
import type { Chosen, Context } from "../context.js";
import { CliError } from "../errors.js";
import { isExitCode } from "../exit-codes.js";

const text = (describe: string, group?: string): Options => ({
  type: "string",
  requiresArg: true,
  describe,
  ...(group === undefined ? {} : { group }),
});

/** Everything has its variable too, and the default is what the variable says: so none is given to the parser. */
function nodeOptions(): Record<string, Options> {
  const addresses = "Addresses:";
  const options: Record<string, Options> = {
    name: text("the node's name, unique in the cluster"),
    dataDir: text("where the node keeps everything"),
    init: { type: "boolean", describe: "an empty data directory begins a new cluster" },
    join: { type: "boolean", describe: "an empty data directory joins a cluster that is there" },
    initialCluster: text(
      "all members as they find each other: n1=HOST:PORT,n2=…; the same on all, with /witness behind a witness's address",
    ),
    witness: {
      type: "boolean",
      describe: "vote and store the log, without data; the list of members must say so too",
    },
    listenClient: text(`where clients and HTTP connect: ${HOST_PORT_ALLOWED}`, addresses),
    listenPeer: text("where the other nodes connect", addresses),
    advertiseClient: text("what clients are told instead of --listen-client", addresses),
    advertisePeer: text("what the other nodes are told instead of --listen-peer", addresses),
    insecure: {
      type: "boolean",
      group: addresses,
      describe: "listen on more than loopback, without encryption",
    },
    fsmSyncMode: {
      ...text("sync or nosync: whether each write of the store is synced; the log always is"),
      defaultDescription: "nosync",
    },
    logLevel: { ...text(`one of ${LOG_LEVELS.join(", ")}`), defaultDescription: "info" },
  };
  for (const name of Object.keys(KNOBS) as KnobName[]) {
    const knob = KNOBS[name];
    options[name] = {
      ...text(`${knob.description} (${knob.unit})`, "Knobs:"),
      defaultDescription: String(knob.default),
    };
  }
  return options;
}

/** Only what was given on the command line, by the names of NodeOptions. */
function rawOptions(argv: Readonly<Record<string, unknown>>): RawNodeOptions {
  const raw: Record<string, string | boolean> = {};
  for (const name of Object.keys(nodeOptions())) {
    const value = argv[name];
    if (typeof value === "boolean") raw[name] = value;
    else if (typeof value === "string") raw[name] = unescapeText(value);
  }
  return raw;
}

/** Does not return: the process ends with the node. What keeps a node from starting has the node's own exit codes. */
async function run(options: NodeOptions): Promise<never> {
  try {
    return await runNode(options);
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    const exitCode = exitCodeOf(error);
    if (!(error instanceof Error) || typeof code !== "string" || !isExitCode(exitCode)) throw error;
    throw new CliError(code, exitCode, error.message);
  }
}

export function nodeCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 node <command>\n\nRuns one node in this process.")
    .command(
      "start",
      "run a node until it is stopped",
      (command) => {
        let built: Argv = command;
        // `--tick-ms`: the parser gives it as `tickMs` too.
        for (const [name, option] of Object.entries(nodeOptions()))
          built = built.option(flagOf(name).slice(2), option);
        return built
          .epilogue(
            `Each option is also a variable: ${environmentNameOf("tickMs")} is --tick-ms. The flag goes before it. ` +
              "The mode of the store is FSM_SYNC_MODE.",
          )
          .example(
            "$0 node start --name n1 --data-dir data/n1 --init --listen-client 127.0.0.1:7401 " +
              "--listen-peer 127.0.0.1:7501 --initial-cluster n1=127.0.0.1:7501",
            "a cluster of one node",
          )
          .example(
            "FSM_SYNC_MODE=sync $0 node start --name n1 --data-dir data/n1 " +
              "--listen-client 127.0.0.1:7401 --listen-peer 127.0.0.1:7501",
            "resume that node, with a synced store",
          );
      },
      (argv) => {
        chosen.action = async () => run(parseNodeOptions(rawOptions(argv), context.env));
      },
    )
    .demandCommand(1, "node: say start");
}
