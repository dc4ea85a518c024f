import type { Argv } from "yargs";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Heading } from "../commands.js";
import type { Chosen, Context } from "../context.js";
import { usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { endLine, entryLine, headLine } from "../export-format.js";
import { keyRangeOf, keyRangeOptions } from "../key-arguments.js";
import type { KeyArguments } from "../key-arguments.js";
import { counted, wholeNumber } from "../numbers.js";
import { sayChunk } from "../output.js";
import { ProgressBar } from "../progress-bar.js";
import { clusterOptions, encodingOption, textOption } from "./options.js";

interface ExportArguments extends ClusterOptions, Omit<KeyArguments, "key"> {
  readonly key: string | undefined;
  readonly revision: string | undefined;
}

const PAGE_KEYS = 1000;
const SHOWN_FROM_KEYS = 10_000;
/** Lines are gathered to this many characters: one write each would be most of the work. */
const CHUNK_CHARACTERS = 64 * 1024;

async function run(context: Context, argv: ExportArguments): Promise<ExitCode> {
  const { key } = argv;
  if (key === undefined && (argv.prefix || argv.fromKey))
    throw usageError("KEY is missing: --prefix and --from-key are about it");
  const keys = key === undefined ? { prefix: Buffer.alloc(0) } : keyRangeOf({ ...argv, key });
  const asked = argv.revision === undefined ? 0 : wholeNumber("--revision", argv.revision, 1);
  // Not between the lines.
  const progress = new ProgressBar(context.out.isTTY === true ? null : context.err, {
    shownFrom: SHOWN_FROM_KEYS,
    format: (total) => `exporting {bar} {percentage}% of ${total} keys`,
  });
  const done = await withClient(context, argv, async (client, timeoutMs) => {
    const first = await client.getRange(keys, { limit: 1, keysOnly: true, revision: asked, timeoutMs });
    const revision = asked === 0 ? first.revision : asked;
    const total = await client.count(keys, { revision, timeoutMs });
    let chunk = headLine(revision, total);
    let count = 0;
    try {
      for await (const kv of client.range(keys, { revision, pageSize: PAGE_KEYS, timeoutMs })) {
        chunk += entryLine(kv);
        count += 1;
        if (chunk.length < CHUNK_CHARACTERS) continue;
        await sayChunk(context, chunk);
        chunk = "";
        progress.at(count, total);
      }
    } finally {
      progress.end();
    }
    await sayChunk(context, chunk + endLine(count));
    return { count, revision };
  });
  context.err.write(`exported ${counted(done.count, "key")} at revision ${done.revision}\n`);
  return EXIT.done;
}

export function exportCommand(parser: Argv, context: Context, chosen: Chosen, heading: Heading): Argv {
  return parser.command(
    heading.usage,
    heading.describe,
    (command) =>
      keyRangeOptions(clusterOptions(command, "how long to try, for each page"))
        .positional("key", { type: "string", describe: "where to begin; every key without it" })
        .positional("end", { type: "string", describe: "the first key that is left out" })
        .option("revision", textOption("as it stood at that revision", "now"))
        .option("key-encoding", encodingOption("KEY and END"))
        .epilogue("Keys and values only: revisions, versions and leases begin anew where it is imported.")
        .example("$0 export > all.jsonl", "every key, while writes go on")
        .example("$0 export user/ --prefix | gzip > users.jsonl.gz", "a part of them"),
    (argv) => {
      chosen.action = () => run(context, argv);
    },
  );
}
