import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { InspectedRecord, Inspection } from "@raftkv/node";
import type { Argv } from "yargs";
import type { Chosen, Context } from "../context.js";
import { CliError, usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { ProgressBar } from "../progress-bar.js";
import { say, sayChunk, sayJson } from "../output.js";
import { jsonOption } from "./options.js";

/** Damage, and what only somebody else's hand can have done, is the negative answer to `verify`. */
const DAMAGE_CODES = new Set(["WAL_CORRUPT", "WAL_EPOCH"]);
const SEGMENT_FILE = /^\d{16}\.wal$/;

const MIB = 1024 * 1024;
/** A log that is read in less than about a second needs no bar. */
const SHOWN_FROM_BYTES = 256 * MIB;

const COLUMNS = [
  ["file", 20],
  ["offset", 10],
  ["length", 8],
  ["position", 9],
  ["group", 5],
  ["index", 9],
  ["term", 6],
  ["type", 13],
  ["checksum", 10],
] as const;

/** The folder of the segments in `dir`: its `wal`, or itself. @throws {CliError} neither holds a log. */
function logDirectory(dir: string, cwd: string): string {
  for (const candidate of [join(resolve(cwd, dir), "wal"), resolve(cwd, dir)]) {
    let names: string[] = [];
    try {
      names = readdirSync(candidate);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    }
    if (names.some((name) => SEGMENT_FILE.test(name))) return candidate;
  }
  throw usageError(
    `${dir} holds no log: give a node's data directory, or its wal, with files like 0000000000000001.wal`,
    "NO_LOG",
  );
}

interface Reading {
  readonly dir: string;
  readonly from?: number;
  readonly onRecords?: (records: readonly InspectedRecord[]) => Promise<void> | void;
}

/** Reads the log to its end. @throws {CliError} what an opening node would refuse too. */
async function read(context: Context, { dir, from, onRecords }: Reading): Promise<Inspection> {
  const { inspectLog } = await import("@raftkv/node");
  // Not between the lines of a dump.
  const progress = new ProgressBar(
    onRecords === undefined || context.out.isTTY !== true ? context.err : null,
    {
      shownFrom: SHOWN_FROM_BYTES,
      format: (total) => `reading {bar} {percentage}% of ${Math.round(total / MIB)} MiB`,
    },
  );
  try {
    return await inspectLog({
      dir: logDirectory(dir, context.cwd),
      ...(from === undefined ? {} : { from }),
      ...(onRecords === undefined ? {} : { onRecords }),
      onProgress: (bytes, total) => progress.at(bytes, total),
    });
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (!(error instanceof Error) || typeof code !== "string" || !DAMAGE_CODES.has(code)) throw error;
    throw new CliError(code, EXIT.negative, error.message);
  } finally {
    progress.end();
  }
}

const counted = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

function verdict(inspection: Inspection): string[] {
  const { bytes, batches, entries, groups, lastPosition, segments, tornTail } = inspection;
  const lines = [
    `clean: ${counted(segments, "segment", "segments")}, ${bytes} bytes, ${counted(batches, "batch", "batches")}, ` +
      `${counted(entries, "entry", "entries")}, last position ${lastPosition}`,
  ];
  for (const { baseIndex, group, lastIndex, term } of groups) {
    lines.push(`group ${group}: entries ${baseIndex + 1} to ${lastIndex}, term ${term}`);
  }
  if (tornTail === null) return lines;
  const { expected, file, found, offset } = tornTail;
  lines.push(
    `torn tail: ${file} at byte ${offset}, expected ${expected}, found ${found}. Nothing in it was acknowledged; ` +
      "a node that opens the log cuts it off, and one that runs is about to finish it",
  );
  return lines;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

function line(record: InspectedRecord): string {
  const { checksum, file, group, index, length, offset, position, term, type } = record;
  const name = file.slice(file.lastIndexOf("/") + 1);
  const cells = [name, offset, length, position, group, index, term, type, hex(checksum)];
  return row(cells.map((cell) => String(cell ?? "-")));
}

function row(cells: readonly string[]): string {
  return COLUMNS.map(([, width], at) => (cells[at] ?? "").padEnd(width))
    .join("  ")
    .trimEnd();
}

async function dump(context: Context, dir: string, from: number, json: boolean): Promise<ExitCode> {
  let heads = json ? "" : `${row(COLUMNS.map(([name]) => name.toUpperCase()))}\n`;
  const inspection = await read(context, {
    dir,
    from,
    onRecords: async (records) => {
      const lines = records.map((record) =>
        json ? JSON.stringify({ ...record, checksum: hex(record.checksum) }) : line(record),
      );
      await sayChunk(context, `${heads}${lines.join("\n")}\n`);
      heads = "";
    },
  });
  if (inspection.tornTail !== null) context.err.write(`${verdict(inspection).at(-1)}\n`);
  return EXIT.done;
}

/** @throws {CliError} USAGE. */
function position(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value;
  throw usageError(`--from is "${text}", but must be a position: a whole number from 1 on`);
}

const dirOption = {
  type: "string",
  demandOption: true,
  describe: "a node's data directory, or its wal",
} as const;
const BESIDE =
  "Reads only, and locks nothing: it may run beside the node, and then shows the log as it stood at one moment.";

export function walCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage(`$0 wal <command>\n\nLooks into a node's log on this machine. ${BESIDE}`)
    .command(
      "verify <dir>",
      "check every byte of a log",
      (command) =>
        command
          .positional("dir", dirOption)
          .option("json", jsonOption)
          .epilogue(
            `${BESIDE} Exit code 0: clean, or with a torn tail, which it tells of. 1: damaged; names file and offset.`,
          )
          .example("$0 wal verify .raftkv/n1", "the log of node n1"),
      (argv) => {
        chosen.action = async () => {
          const inspection = await read(context, { dir: argv.dir });
          if (argv.json) sayJson(context, inspection);
          else for (const text of verdict(inspection)) say(context, text);
          return EXIT.done;
        };
      },
    )
    .command(
      "dump <dir>",
      "list every record of a log",
      (command) =>
        command
          .positional("dir", dirOption)
          .option("from", {
            type: "string",
            requiresArg: true,
            describe: "the first position to show; the log is read from its start in any case",
          })
          .option("json", { ...jsonOption, describe: "one JSON object a line, errors included" })
          .epilogue(BESIDE)
          .example(
            "$0 wal dump .raftkv/n1 --from 1000",
            "one line a record: file, offset, length, position, …",
          )
          .example("$0 wal dump .raftkv/n1/wal --json", "the same for a program"),
      (argv) => {
        chosen.action = () =>
          dump(context, argv.dir, argv.from === undefined ? 0 : position(argv.from), argv.json);
      },
    )
    .demandCommand(1, "wal: say verify or dump");
}
