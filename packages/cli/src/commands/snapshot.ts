import type { Argv } from "yargs";
import type { Chosen, Context } from "../context.js";
import { endpointsOption, flagOption, jsonOption, textOption, timeoutOption } from "./options.js";
import { inspect } from "./snapshot/inspect.js";
import { restore } from "./snapshot/restore.js";
import { save } from "./snapshot/save.js";

const fileOption = { type: "string", demandOption: true, describe: "a saved snapshot" } as const;

export function snapshotCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 snapshot <command>\n\nBackups: everything of a cluster at one moment, in one file.")
    .command(
      "save <file>",
      "save a snapshot of the running cluster",
      (command) =>
        command
          .positional("file", { ...fileOption, describe: "where to; it is there whole, or not at all" })
          .option("endpoints", endpointsOption)
          .option("timeout", timeoutOption("5s", "how long to wait for a node, and for more to come from it"))
          .option("consistency", {
            choices: ["linearizable", "serializable"] as const,
            requiresArg: true,
            default: "linearizable",
            describe: "serializable: what the node has, confirmed by no majority, maybe old",
          })
          .option("force", flagOption("replace a file that is there"))
          .option("json", jsonOption)
          .epilogue(
            "The first endpoint that gives one is taken, leader or follower. Writes go on meanwhile; the nodes' " +
              "--snapshot-bytes-per-second bounds what it takes.",
          )
          .example("$0 snapshot save backup.snap", "all that was acknowledged until now")
          .example("$0 snapshot save backup.snap --endpoints 127.0.0.1:7402 --force", "from that node"),
      (argv) => {
        chosen.action = () => save(context, argv);
      },
    )
    .command(
      "inspect <file>",
      "verify every byte of a saved snapshot, and show what it holds",
      (command) =>
        command
          .positional("file", fileOption)
          .option("json", jsonOption)
          .epilogue(
            "Exit code 0: sound. 1: damaged; says at which byte, in which chunk, what was expected and found.",
          )
          .example("$0 snapshot inspect backup.snap", "its index, revision, keys, hashes"),
      (argv) => {
        chosen.action = () => inspect(context, argv);
      },
    )
    .command(
      "restore <file>",
      "make the data of a new cluster out of a saved snapshot",
      (command) =>
        command
          .positional("file", fileOption)
          .option("dir", textOption("a whole cluster on this machine: where it is kept", ".raftkv"))
          .option("nodes", textOption("how many nodes it gets", "3"))
          .option("client-port", textOption("first client port; 0 takes free ones", "7401"))
          .option("peer-port", textOption("first peer port; 0 takes free ones", "7501"))
          .option("name", textOption("one member of a cluster over several machines: its name"))
          .option("data-dir", textOption("its data directory"))
          .option("initial-cluster", textOption("all members, NAME=HOST:PORT,…, as for node start"))
          .option("bump-revision", textOption("begin so many revisions further on", "0"))
          .option("mark-compacted", flagOption("let reads and watches of older revisions fail"))
          .option("control", flagOption("read everything again, and compare its hash with the snapshot's"))
          .option("json", jsonOption)
          .epilogue(
            "The new cluster has a new id: members and clients of the old one cannot mistake it for theirs. Leases stay and " +
              "are renewed in full, sessions of clients end.",
          )
          .example(
            "$0 snapshot restore backup.snap --dir restored",
            "three nodes here, for cluster start --dir restored",
          )
          .example(
            "$0 snapshot restore backup.snap --name n1 --data-dir /var/lib/raftkv --initial-cluster n1=10.0.0.1:7501,n2=10.0.0.2:7501,n3=10.0.0.3:7501",
            "on the machine of n1; likewise on the others",
          ),
      (argv) => {
        chosen.action = () => restore(context, argv);
      },
    )
    .demandCommand(1, "snapshot: say save, inspect or restore");
}
