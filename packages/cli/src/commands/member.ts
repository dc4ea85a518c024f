import type { Client, MemberInfo } from "@raftkv/client";
import type { Argv } from "yargs";
import { normalAddress } from "../address.js";
import { unescapeText } from "../arguments.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Chosen, Context } from "../context.js";
import { usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { kindOf, missingDataVoters } from "../member-kind.js";
import { startLine } from "../member-start.js";
import { say, sayJson, sayTable } from "../output.js";
import { clusterOptions, flagOption, textOption } from "./options.js";

interface MemberArguments extends ClusterOptions {
  readonly name: string;
}

const NAME = { type: "string", demandOption: true, describe: "the member's name" } as const;
const force = () => flagOption("also when too few of the voters that there would be are alive");
const peer = () =>
  ({ ...textOption("where the other members reach it, HOST:PORT"), demandOption: true }) as const;

async function list(
  context: Context,
  argv: ClusterOptions & { readonly consistency: "linearizable" | "serializable" },
): Promise<ExitCode> {
  const { consistency } = argv;
  const members = await withClient(context, argv, (client, timeoutMs) =>
    client.members.list({ consistency, timeoutMs }),
  );
  if (argv.json) sayJson(context, members);
  else {
    const rows = members.map((member) => [
      member.name,
      kindOf(member, members),
      member.serverId,
      member.peer,
      member.client,
      member.alive,
      member.lag,
    ]);
    await sayTable(context, ["name", "kind", "server id", "peer", "client", "alive", "lag"], rows);
  }
  return EXIT.done;
}

/** Runs a change and says what has become of it: in words, or with `--json` as the members that there are now. */
async function change(
  context: Context,
  argv: ClusterOptions,
  ask: (client: Client, timeoutMs: number) => Promise<readonly MemberInfo[]>,
  words: (members: readonly MemberInfo[]) => string,
): Promise<ExitCode> {
  const members = await withClient(context, argv, ask);
  if (argv.json) sayJson(context, members);
  else say(context, words(members));
  return EXIT.done;
}

/** @throws {CliError} USAGE: it is no address that others can connect to. */
function peerAddress(typed: string): string {
  const address = normalAddress(unescapeText(typed));
  if (address !== null) return address;
  throw usageError(
    `--peer is "${unescapeText(typed)}", but must be HOST:PORT with a port from 1 to 65535, as in 10.0.0.4:7501`,
  );
}

interface AddArguments extends MemberArguments {
  readonly peer: string;
  readonly learner: boolean;
  readonly witness: boolean;
}

async function add(context: Context, argv: AddArguments): Promise<ExitCode> {
  const { learner, witness } = argv;
  const name = unescapeText(argv.name);
  const address = peerAddress(argv.peer);
  const then = (members: readonly MemberInfo[]): string => {
    if (learner) return "it stays a learner until it is promoted";
    const missing = witness ? missingDataVoters(members) : 0;
    // A majority without data must not be possible.
    return missing === 0
      ? "it votes as soon as it is caught up"
      : `it votes once ${missing} more ${missing === 1 ? "member with data does" : "members with data do"}`;
  };
  return change(
    context,
    argv,
    (client, timeoutMs) => client.members.add(name, { peer: address, learner, witness, timeoutMs }),
    (members) =>
      `${name} is added, ${then(members)}. Start it with an empty directory:\n` +
      startLine(name, address, { witness }),
  );
}

function promote(context: Context, argv: MemberArguments & { readonly force: boolean }): Promise<ExitCode> {
  const name = unescapeText(argv.name);
  const { force: forced } = argv;
  return change(
    context,
    argv,
    (client, timeoutMs) => client.members.promote(name, { force: forced, timeoutMs }),
    () => `${name} votes`,
  );
}

async function update(
  context: Context,
  argv: MemberArguments & { readonly peer: string },
): Promise<ExitCode> {
  const name = unescapeText(argv.name);
  const address = peerAddress(argv.peer);
  return change(
    context,
    argv,
    (client, timeoutMs) => client.members.update(name, { peer: address, timeoutMs }),
    () => `the other members look for ${name} at ${address}`,
  );
}

function remove(context: Context, argv: MemberArguments & { readonly force: boolean }): Promise<ExitCode> {
  const name = unescapeText(argv.name);
  const { force: forced } = argv;
  return change(
    context,
    argv,
    (client, timeoutMs) => client.members.remove(name, { force: forced, timeoutMs }),
    () => `${name} is removed: its process ends, and its directory may be deleted`,
  );
}

export function memberCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 member <command>\n\nThe members of a cluster, changed while it runs.")
    .command(
      "list",
      "the members: what they are, where they are, who is alive, how far each is behind",
      (command) =>
        clusterOptions(command)
          .option("consistency", {
            choices: ["linearizable", "serializable"] as const,
            requiresArg: true,
            default: "linearizable" as const,
            describe: "linearizable asks the leader; serializable any node, also without a majority",
          })
          .example("$0 member list", "one row a member"),
      (argv) => {
        chosen.action = () => list(context, argv);
      },
    )
    .command(
      "add <name>",
      "expect a new node, which is then started with --join",
      (command) =>
        clusterOptions(command)
          .positional("name", { ...NAME, describe: "the new node's name" })
          .option("peer", peer())
          .option("learner", flagOption("it gets the log and no vote, until it is promoted"))
          .option("witness", flagOption("it votes and stores the log, without data"))
          .epilogue(
            "The new node gets everything as a learner, and its vote by itself once it is nearly caught up.",
          )
          .example("$0 member add n4 --peer 10.0.0.4:7501", "and how to start it"),
      (argv) => {
        chosen.action = () => add(context, argv);
      },
    )
    .command(
      "promote <name>",
      "give a learner a vote; refused while it is far behind",
      (command) =>
        clusterOptions(command)
          .positional("name", NAME)
          .option("force", force())
          .example("$0 member promote n4", "it counts for the majority from now on"),
      (argv) => {
        chosen.action = () => promote(context, argv);
      },
    )
    .command(
      "update <name>",
      "tell the others where a member is from now on",
      (command) =>
        clusterOptions(command)
          .positional("name", NAME)
          .option("peer", peer())
          .example("$0 member update n2 --peer 10.0.0.9:7501", "then restart n2 with that address"),
      (argv) => {
        chosen.action = () => update(context, argv);
      },
    )
    .command(
      "remove <name>",
      "take a member out; a leader hands over first",
      (command) =>
        clusterOptions(command)
          .positional("name", NAME)
          .option("force", force())
          .example("$0 member remove n2", "its process ends by itself"),
      (argv) => {
        chosen.action = () => remove(context, argv);
      },
    )
    .demandCommand(1, "member: say list, add, promote, update or remove");
}
