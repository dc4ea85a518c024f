import type { Argv } from "yargs";
import { unescapeText } from "../arguments.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Chosen, Context } from "../context.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { say, sayJson } from "../output.js";
import { clusterOptions, textOption } from "./options.js";

async function transfer(
  context: Context,
  argv: ClusterOptions & { readonly to: string | undefined },
): Promise<ExitCode> {
  const to = argv.to === undefined ? undefined : unescapeText(argv.to);
  const leader = await withClient(context, argv, (client, timeoutMs) =>
    client.members.transferLeadership({ timeoutMs, ...(to === undefined ? {} : { to }) }),
  );
  if (argv.json) sayJson(context, leader);
  else say(context, `${leader.name} leads, in term ${leader.term}`);
  return EXIT.done;
}

export function leaderCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 leader <command>\n\nWho leads the cluster.")
    .command(
      "transfer",
      "hand leadership over to another member",
      (command) =>
        clusterOptions(command)
          .option("to", textOption("the member that is to lead", "whoever is best placed"))
          .example("$0 leader transfer --to n2", "before the leader's machine is looked after"),
      (argv) => {
        chosen.action = () => transfer(context, argv);
      },
    )
    .demandCommand(1, "leader: say transfer");
}
