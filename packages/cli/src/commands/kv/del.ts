import type { Argv } from "yargs";
import { withClient } from "../../cluster-request.js";
import type { Chosen, Context } from "../../context.js";
import { EXIT } from "../../exit-codes.js";
import { keysOf } from "../../key-arguments.js";
import { keyValueJson, keyValueLine } from "../../key-value-text.js";
import type { FoundKey } from "../../key-value-text.js";
import { say, sayJson } from "../../output.js";
import { flagOption } from "../options.js";
import { keyNotFound } from "./get.js";
import { rangeOptions } from "./options.js";

export function delCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "del <key> [end]",
    "delete a key, or a range of keys at one revision",
    (command) =>
      rangeOptions(command)
        .option("prev", flagOption("print what was deleted, a line each, behind the first line"))
        .example("$0 kv del greeting", "exit code 1 when there is no such key")
        .example("$0 kv del user/ --prefix", "all keys that begin with `user/`")
        .example("$0 kv del a c", "all keys from `a` to before `c`"),
    (argv) => {
      chosen.action = async () => {
        const keys = keysOf(argv);
        const {
          revision,
          deleted,
          previous = [],
        } = await withClient(context, argv, (client, timeoutMs) =>
          client.delete(keys, { previous: argv.prev, timeoutMs }),
        );
        if (deleted === 0) throw keyNotFound();
        const before = previous as readonly FoundKey[];
        if (argv.json) {
          const facts = { revision, deleted };
          sayJson(context, argv.prev ? { ...facts, previous: before.map(keyValueJson) } : facts);
          return EXIT.done;
        }
        const what = keys instanceof Uint8Array ? "deleted" : `deleted ${deleted}`;
        say(context, `${what}, revision ${revision}`);
        for (const kv of before) context.out.write(keyValueLine(kv, argv));
        return EXIT.done;
      };
    },
  );
}
