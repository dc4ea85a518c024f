import type { Argv } from "yargs";
import { argumentBytes, encodedBytes } from "../../byte-text.js";
import { withClient } from "../../cluster-request.js";
import type { Chosen, Context } from "../../context.js";
import { CliError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import { keyValueJson } from "../../key-value-text.js";
import { wholeNumber } from "../../numbers.js";
import { sayBytes, sayJson } from "../../output.js";
import { clusterOptions } from "../options.js";
import { KEY, encodingOptions, readOptions } from "./options.js";

export function keyNotFound(): CliError {
  return new CliError("KEY_NOT_FOUND", EXIT.negative, "key not found");
}

export function getCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "get <key>",
    "print the value of a key, byte for byte",
    (command) =>
      readOptions(encodingOptions(clusterOptions(command.positional("key", KEY))))
        .example("$0 kv get greeting", "the value, with a newline on a terminal only")
        .example("$0 kv get photo > photo.jpg", "the bytes as they were put")
        .example("$0 kv get greeting --revision 7", "as it stood at revision 7")
        .example("$0 kv get greeting --json", "with its revisions and its version"),
    (argv) => {
      chosen.action = async () => {
        const key = argumentBytes("KEY", argv.key, argv.keyEncoding);
        const revision = argv.revision === undefined ? 0 : wholeNumber("--revision", argv.revision, 1);
        const { consistency } = argv;
        const found = await withClient(context, argv, (client, timeoutMs) =>
          client.get(key, { consistency, revision, timeoutMs }),
        );
        if (found === null) throw keyNotFound();
        if (argv.json) sayJson(context, keyValueJson(found));
        else sayBytes(context, encodedBytes(found.value, argv.valueEncoding));
        return EXIT.done;
      };
    },
  );
}
