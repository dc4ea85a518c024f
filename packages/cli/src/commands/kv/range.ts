import type { Client, RangeOptions } from "@raftkv/client";
import type { Argv } from "yargs";
import { encodedBytes, shownBytes } from "../../byte-text.js";
import { withClient } from "../../cluster-request.js";
import type { ClusterOptions } from "../../cluster-request.js";
import type { Chosen, Context } from "../../context.js";
import { usageError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { keyRangeOf } from "../../key-arguments.js";
import type { KeyArguments } from "../../key-arguments.js";
import { keyValueJson, keyValueLine, lineOf } from "../../key-value-text.js";
import type { Encodings, FoundKey } from "../../key-value-text.js";
import { wholeNumber } from "../../numbers.js";
import { say, sayChunk, sayJson, sayTable } from "../../output.js";
import { flagOption, textOption } from "../options.js";
import { rangeOptions, readOptions } from "./options.js";

interface RangeArguments extends ClusterOptions, Omit<KeyArguments, "key">, Encodings {
  readonly key: string | undefined;
  readonly limit: string | undefined;
  readonly order: "ascending" | "descending";
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly revision: string | undefined;
  readonly consistency: "linearizable" | "serializable";
}

/** Rows of one table on a terminal: columns are as wide as the widest of these. */
const TABLE_ROWS = 1000;
const PAGE_KEYS = 1000;

/** Without KEY: every key. */
function range(argv: RangeArguments) {
  const { key } = argv;
  if (key !== undefined) return keyRangeOf({ ...argv, key });
  if (argv.prefix || argv.fromKey) throw usageError("KEY is missing: --prefix and --from-key are about it");
  return { prefix: Buffer.alloc(0) };
}

async function sayRows(context: Context, rows: readonly FoundKey[], argv: RangeArguments): Promise<void> {
  const { keysOnly } = argv;
  const heads = ["key", ...(keysOnly ? [] : ["value"]), "created", "changed", "version", "lease"];
  const cells = rows.map((kv) => [
    shownBytes(kv.key, argv.keyEncoding),
    ...(keysOnly ? [] : [shownBytes(kv.value, argv.valueEncoding)]),
    kv.createRevision,
    kv.modRevision,
    kv.version,
    kv.lease === 0 ? null : kv.lease,
  ]);
  if (rows.length > 0) await sayTable(context, heads, cells);
}

async function sayAll(context: Context, found: AsyncIterable<FoundKey>, argv: RangeArguments): Promise<void> {
  let rows: FoundKey[] = [];
  for await (const kv of found) {
    if (context.out.isTTY !== true) {
      await sayChunk(
        context,
        argv.keysOnly ? lineOf(encodedBytes(kv.key, argv.keyEncoding)) : keyValueLine(kv, argv),
      );
    } else if (rows.push(kv) === TABLE_ROWS) {
      await sayRows(context, rows, argv);
      rows = [];
    }
  }
  await sayRows(context, rows, argv);
}

async function read(context: Context, client: Client, options: RangeOptions, argv: RangeArguments) {
  const keys = range(argv);
  if (argv.countOnly) {
    const { consistency = "linearizable", revision = 0, timeoutMs = 0 } = options;
    const count = await client.count(keys, { consistency, revision, timeoutMs });
    if (argv.json) sayJson(context, { count });
    else say(context, String(count));
    return;
  }
  if (!argv.json) {
    await sayAll(context, client.range(keys, { ...options, pageSize: PAGE_KEYS }), argv);
    return;
  }
  const { entries, more, revision } = await client.getRange(keys, options);
  sayJson(context, { revision, entries: entries.map(keyValueJson), more });
}

async function rangeAction(context: Context, argv: RangeArguments): Promise<ExitCode> {
  range(argv);
  const options = {
    order: argv.order,
    keysOnly: argv.keysOnly,
    consistency: argv.consistency,
    limit: argv.limit === undefined ? 0 : wholeNumber("--limit", argv.limit, 1),
    revision: argv.revision === undefined ? 0 : wholeNumber("--revision", argv.revision, 1),
  };
  await withClient(context, argv, (client, timeoutMs) =>
    read(context, client, { ...options, timeoutMs }, argv),
  );
  return EXIT.done;
}

export function rangeCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "range [key] [end]",
    "list keys in byte order, all as they stood at one revision",
    (command) =>
      readOptions(rangeOptions(command, "how long to try, for each page"))
        .positional("key", { type: "string", describe: "where the range starts; every key without it" })
        .option("limit", textOption("most keys that are wanted", "all"))
        .option("order", {
          choices: ["ascending", "descending"],
          requiresArg: true,
          default: "ascending",
          describe: "of the keys, in byte order",
        } as const)
        .option("keys-only", flagOption("no values"))
        .option("count-only", flagOption("only how many there are"))
        .epilogue(
          "In a pipe a line is KEY, a tab, VALUE, as they are; where they may hold tabs or newlines, use --json or the encodings.",
        )
        .example("$0 kv range user/ --prefix", "the keys that begin with `user/`, and their values")
        .example("$0 kv range a c --limit 10 --order descending", "the last ten from `a` to before `c`")
        .example("$0 kv range --count-only", "how many keys there are")
        .example("$0 kv range --keys-only --revision 7", "every key that there was at revision 7"),
    (argv) => {
      chosen.action = () => rangeAction(context, argv);
    },
  );
}
