import type { WatchEvent } from "@raftkv/client";
import type { Argv } from "yargs";
import { encodedBytes } from "../../byte-text.js";
import { withClient } from "../../cluster-request.js";
import type { ClusterOptions } from "../../cluster-request.js";
import type { Chosen, Context } from "../../context.js";
import { usageError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { keysOf } from "../../key-arguments.js";
import type { KeyArguments } from "../../key-arguments.js";
import { keyValueJson, lineOf } from "../../key-value-text.js";
import type { Encodings } from "../../key-value-text.js";
import { wholeNumber } from "../../numbers.js";
import { bytesFields, sayChunk } from "../../output.js";
import { flagOption, textOption } from "../options.js";
import { rangeOptions } from "./options.js";

interface WatchArguments extends ClusterOptions, KeyArguments, Encodings {
  readonly fromRevision: string | undefined;
  readonly count: string | undefined;
  readonly prev: boolean;
  readonly put: boolean;
  readonly delete: boolean;
}

type Event = WatchEvent<Uint8Array>;

function eventJson({ key, kind, kv, previous, revision }: Event, withPrevious: boolean) {
  const facts =
    kv === null ? { kind, revision, ...bytesFields("key", key) } : { kind, revision, ...keyValueJson(kv) };
  return withPrevious ? { ...facts, previous: previous === null ? null : keyValueJson(previous) } : facts;
}

function eventLine({ key, kv, previous, revision }: Event, argv: WatchArguments): Buffer {
  const { keyEncoding, valueEncoding } = argv;
  const before = argv.prev && previous !== null ? [encodedBytes(previous.value, valueEncoding)] : [];
  const shownKey = encodedBytes(key, keyEncoding);
  if (kv === null) return lineOf("delete", String(revision), shownKey, ...before);
  return lineOf("put", String(revision), shownKey, encodedBytes(kv.value, valueEncoding), ...before);
}

async function watch(context: Context, argv: WatchArguments): Promise<ExitCode> {
  const keys = keysOf(argv);
  if (argv.put && argv.delete) throw usageError("--put and --delete exclude each other");
  const { fromRevision } = argv;
  const options = {
    fromRevision: fromRevision === undefined ? 0 : wholeNumber("--from-revision", fromRevision, 1),
    previous: argv.prev,
    noPut: argv.delete,
    noDelete: argv.put,
  };
  let left = argv.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber("--count", argv.count, 1);
  await withClient(context, argv, async (client) => {
    const events = client.watch(keys, options);
    if (context.err.isTTY === true) {
      const revision = await events.started;
      context.err.write(`watching from revision ${fromRevision ?? revision + 1}; Ctrl-C ends it\n`);
    }
    for await (const event of events) {
      const line = argv.json ? `${JSON.stringify(eventJson(event, argv.prev))}\n` : eventLine(event, argv);
      await sayChunk(context, line);
      left -= 1;
      if (left === 0) break;
    }
  });
  return EXIT.done;
}

export function watchCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "watch <key> [end]",
    "print changes as they come, in order, none missing and none twice",
    (command) =>
      rangeOptions(command, "how long to try to connect; the watch itself has no end")
        .option(
          "from-revision",
          textOption("the first revision whose changes are wanted", "what comes from now on"),
        )
        .option("count", textOption("end after so many changes", "never"))
        .option("prev", flagOption("what was there before as well"))
        .option("put", flagOption("puts only"))
        .option("delete", flagOption("deletions only"))
        .epilogue(
          "A line is `put`, revision, key, value, or `delete`, revision, key, with tabs between; with --json one object a line.",
        )
        .example("$0 kv watch greeting", "until Ctrl-C")
        .example("$0 kv watch user/ --prefix --from-revision 12", "all that happened since, and what comes")
        .example("$0 kv watch jobs/ --prefix --put --count 1 --json", "the next put, as JSON"),
    (argv) => {
      chosen.action = () => watch(context, argv);
    },
  );
}
