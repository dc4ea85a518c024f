import { createReadStream, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import type { Appender, Operation } from "@raftkv/client";
import type { Argv } from "yargs";
import { unescapeText } from "../arguments.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Heading } from "../commands.js";
import type { Chosen, Context } from "../context.js";
import { usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { parseExportLine } from "../export-format.js";
import { linesOf } from "../json-lines.js";
import { counted, wholeNumber } from "../numbers.js";
import { say, sayJson } from "../output.js";
import { ProgressBar } from "../progress-bar.js";
import { clusterOptions, textOption } from "./options.js";

interface ImportArguments extends ClusterOptions {
  readonly file: string;
  readonly batch: string | undefined;
}

const BATCH_KEYS = 100;
const BATCH_BYTES = 512 * 1024;
const PIPELINE_SIZE = 4;
const SHOWN_FROM_KEYS = 10_000;

/** @throws {CliError} BAD_INPUT: there is no such file, or it is a directory. */
function inputOf(context: Context, shielded: string): Readable {
  const file = unescapeText(shielded);
  if (file === "-") return context.input;
  const path = resolve(context.cwd, file);
  try {
    if (statSync(path).isDirectory()) throw usageError(`${file} is a directory`, "BAD_INPUT");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageError(code === "ENOENT" ? `there is no file ${file}` : message, "BAD_INPUT");
  }
  return createReadStream(path);
}

/** Gathers puts to batches, and appends them in order, each atomic. */
class Batches {
  readonly #appender: Appender;
  readonly #keysMax: number;
  readonly #put: (key: Buffer, value: Buffer) => Operation;
  /** A transaction changes no key twice. */
  readonly #keys = new Set<string>();
  #operations: Operation[] = [];
  #bytes = 0;
  #failure: Error | null = null;

  constructor(appender: Appender, keysMax: number, put: (key: Buffer, value: Buffer) => Operation) {
    this.#appender = appender;
    this.#keysMax = keysMax;
    this.#put = put;
  }

  async add(key: Buffer, value: Buffer): Promise<void> {
    const name = key.toString("latin1");
    const bytes = key.length + value.length;
    const isFull = this.#operations.length === this.#keysMax || this.#bytes + bytes > BATCH_BYTES;
    if (isFull || this.#keys.has(name)) await this.#append();
    this.#operations.push(this.#put(key, value));
    this.#keys.add(name);
    this.#bytes += bytes;
  }

  /** Resolves when everything is durable. */
  async end(): Promise<void> {
    await this.#append();
    await this.#appender.close();
    if (this.#failure !== null) throw this.#failure;
  }

  async #append(): Promise<void> {
    // What fails behind the first failure is CLOSED for that, which tells nobody anything.
    if (this.#failure !== null) throw this.#failure;
    if (this.#operations.length === 0) return;
    const operations = this.#operations;
    this.#operations = [];
    this.#keys.clear();
    this.#bytes = 0;
    await this.#appender.append(operations, (_result, error) => {
      this.#failure ??= error;
    });
  }
}

/** @throws {CliError} BAD_INPUT: it is no export, or was cut off; what came before is put by then. */
async function run(context: Context, argv: ImportArguments): Promise<ExitCode> {
  const keysMax = argv.batch === undefined ? BATCH_KEYS : wholeNumber("--batch", argv.batch, 1);
  const input = inputOf(context, argv.file);
  const progress = new ProgressBar(context.err, {
    shownFrom: SHOWN_FROM_KEYS,
    format: (total) => `importing {bar} {percentage}% of ${total} keys`,
  });
  const keys = await withClient(context, argv, async (client) => {
    const { put } = await import("@raftkv/client");
    const batches = new Batches(client.appender({ pipelineSize: PIPELINE_SIZE }), keysMax, put);
    let total = 0;
    let count = 0;
    let isEnded = false;
    try {
      for await (const { bytes, number } of linesOf(input)) {
        if (isEnded) throw usageError(`line ${number} stands behind the export's end`, "BAD_INPUT");
        const line = parseExportLine(bytes, number);
        if (line.kind === "head") total = line.keys;
        else if (line.kind === "end") isEnded = line.keys === count;
        else {
          await batches.add(line.key, line.value);
          count += 1;
          progress.at(count, total);
        }
      }
      await batches.end();
    } finally {
      progress.end();
    }
    if (isEnded) return count;
    throw usageError(`the export was cut off, or is empty: ${count} of ${total} keys were put`, "BAD_INPUT");
  });
  if (argv.json) sayJson(context, { keys });
  else say(context, `imported ${counted(keys, "key")}`);
  return EXIT.done;
}

export function importCommand(parser: Argv, context: Context, chosen: Chosen, heading: Heading): Argv {
  return parser.command(
    heading.usage,
    heading.describe,
    (command) =>
      clusterOptions(command, "how long to try to connect")
        .positional("file", {
          type: "string",
          default: "-",
          describe: "what `export` wrote; - is standard input",
        })
        .option("batch", textOption("most keys of one transaction", String(BATCH_KEYS)))
        .epilogue(
          "Keys that are there are overwritten, others are left alone. It may be repeated: an import that failed has put a part of the keys.",
        )
        .example("$0 import all.jsonl", "what `raftkv export > all.jsonl` wrote")
        .example("gunzip -c users.jsonl.gz | $0 import --json", '{"keys":1042}'),
    (argv) => {
      chosen.action = () => run(context, argv);
    },
  );
}
