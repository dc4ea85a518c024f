import type { Argv } from "yargs";
import { bytesOf } from "../../arguments.js";
import { argumentBytes, encodedBytes, inputBytes } from "../../byte-text.js";
import type { Encoding } from "../../byte-text.js";
import { withClient } from "../../cluster-request.js";
import type { ClusterOptions } from "../../cluster-request.js";
import type { Chosen, Context } from "../../context.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { keyValueJson } from "../../key-value-text.js";
import type { FoundKey } from "../../key-value-text.js";
import { wholeNumber } from "../../numbers.js";
import { say, sayBytes, sayJson } from "../../output.js";
import { readValue } from "../../standard-input.js";
import { clusterOptions, flagOption, textOption } from "../options.js";
import { KEY, encodingOptions } from "./options.js";

interface PutArguments extends ClusterOptions {
  readonly key: string;
  readonly value: string;
  readonly lease: string | undefined;
  readonly prev: boolean;
  readonly keyEncoding: Encoding;
  readonly valueEncoding: Encoding;
}

const VALUE = {
  type: "string",
  demandOption: true,
  describe: "the value: any bytes; - reads standard input",
} as const;

async function valueOf(context: Context, { value, valueEncoding }: PutArguments): Promise<Buffer> {
  if (!bytesOf(value).equals(Buffer.from("-"))) return argumentBytes("VALUE", value, valueEncoding);
  return inputBytes(await readValue(context.input), valueEncoding);
}

async function put(context: Context, argv: PutArguments): Promise<ExitCode> {
  const key = argumentBytes("KEY", argv.key, argv.keyEncoding);
  const lease = argv.lease === undefined ? 0 : wholeNumber("--lease", argv.lease, 1);
  const value = await valueOf(context, argv);
  const { revision, previous = null } = await withClient(context, argv, (client, timeoutMs) =>
    client.put(key, value, { lease, previous: argv.prev, timeoutMs }),
  );
  if (argv.json) {
    const before = previous === null ? null : keyValueJson(previous as FoundKey);
    sayJson(context, argv.prev ? { revision, previous: before } : { revision });
    return EXIT.done;
  }
  say(context, `OK, revision ${revision}`);
  if (argv.prev && previous !== null) sayBytes(context, encodedBytes(previous.value, argv.valueEncoding));
  return EXIT.done;
}

export function putCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "put <key> <value>",
    "set a key",
    (command) =>
      encodingOptions(clusterOptions(command.positional("key", KEY).positional("value", VALUE)))
        .option("lease", textOption("the number of the lease that the key ends with", "none"))
        .option("prev", flagOption("print what was there before, behind the first line"))
        .example("$0 kv put greeting hello", "set `greeting` to `hello`")
        .example("$0 kv put photo - < photo.jpg", "the bytes of a file")
        .example("$0 kv put n -5", "numbers stay as they are typed")
        .example("$0 kv put n -- --force", "behind -- goes a value that begins with a dash")
        .example("printf - | $0 kv put n -", "a lone dash: - reads standard input, also behind --")
        .example("$0 kv put members/me 10.0.0.7 --lease 42", "gone when lease 42 ends; see `lease grant`")
        .example("$0 kv put flags 00ff --value-encoding hex", "two bytes, as hexadecimal digits"),
    (argv) => {
      chosen.action = () => put(context, argv);
    },
  );
}
