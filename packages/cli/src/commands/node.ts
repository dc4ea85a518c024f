import {
  KNOBS,
  SETTINGS,
  checkStart,
  environmentNameOf,
  flagOf,
  keyOf,
  parseNodeOptions,
  runNode,
} from "@raftkv/node";
import type { KnobName, NodeOptions, RawNodeOptions, Setting, StartReport } from "@raftkv/node";
import type { Argv, Options } from "yargs";
import { unescapeText } from "../arguments.js";
import type { Chosen, Context } from "../context.js";
import { usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { withNodeErrors } from "../node-errors.js";
import { say, sayTable } from "../output.js";
import { flagOption } from "./options.js";

const text = (describe: string, group?: string): Options => ({
  type: "string",
  requiresArg: true,
  describe,
  ...(group === undefined ? {} : { group }),
});

/** Everything has its variable and its key too, and the default is what these say: so none is given to the parser. */
function nodeOptions(): Record<string, Options> {
  const options: Record<string, Options> = {
    config: text("a YAML file with settings: the options without their dashes, as in tick-ms: 10"),
  };
  for (const [name, setting] of Object.entries(SETTINGS) as [string, Setting][]) {
    const { default: fallback, description, isAddress, kind } = setting;
    options[name] = {
      ...(kind === "switch" ? { type: "boolean", describe: description } : text(description)),
      ...(isAddress ? { group: "Addresses:" } : {}),
      ...(fallback === null || kind === "switch" ? {} : { defaultDescription: fallback }),
    };
  }
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

/** Whatever is wrong, it is the configuration that is. */
async function check(context: Context, raw: RawNodeOptions): Promise<ExitCode> {
  let report: StartReport;
  try {
    report = await checkStart(raw, context.env);
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (!(error instanceof Error) || typeof code !== "string") throw error;
    throw usageError(error.message, code);
  }
  const { given, options, remarks, resumes } = report;
  const what = resumes
    ? "resumes what is there"
    : options.start === "join"
      ? "joins a cluster"
      : "begins a new cluster";
  await sayTable(
    context,
    ["setting", "value", "from"],
    given.map(({ option, setting, text }) => [keyOf(option), text, setting]),
  );
  for (const remark of remarks) context.err.write(`note: ${remark}\n`);
  say(context, `${options.name} can start in ${options.dataDir}, and ${what}`);
  return EXIT.done;
}

/** Does not return: the process ends with the node. What keeps a node from starting has the node's own exit codes. */
function run(options: NodeOptions): Promise<never> {
  return withNodeErrors(() => runNode(options));
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
          .option("check", flagOption("look at everything that a start needs, tell it, and start nothing"))
          .epilogue(
            `Each option is also a variable, ${environmentNameOf("tickMs")} for --tick-ms (and FSM_SYNC_MODE, without RAFTKV), ` +
              "and a key of the file of --config, tick-ms. The flag goes before the variable, and that before the file.",
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
          )
          .example(
            "$0 node start --config /etc/raftkv/n1.yaml --check",
            "whether a node could start with this file",
          );
      },
      (argv) => {
        chosen.action = async () =>
          argv["check"]
            ? check(context, rawOptions(argv))
            : run(parseNodeOptions(rawOptions(argv), context.env));
      },
    )
    .demandCommand(1, "node: say start");
}
