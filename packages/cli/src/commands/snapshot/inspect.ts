import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { SnapshotFileError, SnapshotInspection } from "@raftkv/node";
import { unescapeText } from "../../arguments.js";
import type { Context } from "../../context.js";
import { CliError, usageError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { say, sayJson } from "../../output.js";
import { Progress } from "../../progress-lines.js";

const MIB = 1024 * 1024;
const SHOWN_FROM_BYTES = 64 * MIB;

/** @throws {CliError} BAD_INPUT: there is no such file. */
export function snapshotPath(context: Context, shielded: string): string {
  const file = unescapeText(shielded);
  const path = resolve(context.cwd, file);
  try {
    if (statSync(path).isFile()) return path;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageError(code === "ENOENT" ? `there is no file ${file}` : message, "BAD_INPUT");
  }
  throw usageError(`${file} is no file`, "BAD_INPUT");
}

/** A bar for work on a file of some size. */
export function fileProgress(context: Context, doing: string): Progress {
  return new Progress(context.err, {
    shownFrom: SHOWN_FROM_BYTES,
    format: (total) => `${doing} {bar} {percentage}% of ${Math.round(total / MIB)} MiB`,
    line: (percent) => `${doing}: ${percent}%`,
  });
}

/** That a snapshot is damaged is the answer no: exit code 1. Its facts are in the JSON form of the error. */
export function damageIsNo(error: unknown): Error {
  const { code, message, offset, chunk, expected, found } = error as Partial<SnapshotFileError>;
  if (code !== "SNAPSHOT_DAMAGED" || message === undefined) return error as Error;
  return new CliError(code, EXIT.negative, message, {
    offset: offset ?? null,
    chunk: chunk ?? null,
    expected: expected ?? null,
    found: found ?? null,
  });
}

export async function inspect(
  context: Context,
  argv: { readonly file: string; readonly json: boolean },
): Promise<ExitCode> {
  const path = snapshotPath(context, argv.file);
  const { inspectSnapshot } = await import("@raftkv/node");
  const progress = fileProgress(context, "reading");
  let inspection: SnapshotInspection;
  try {
    inspection = await inspectSnapshot(path, (bytes, total) => progress.at(bytes, total));
  } catch (error) {
    throw damageIsNo(error);
  } finally {
    progress.end();
  }
  if (argv.json) sayJson(context, { file: path, ...inspection });
  else for (const [name, value] of lines(inspection)) say(context, `${name.padEnd(WIDTH)}${value}`);
  return EXIT.done;
}

const WIDTH = 14;

function lines(found: SnapshotInspection): readonly (readonly [string, string | number])[] {
  const state = Object.entries(found.state).map(([name, bytes]) => `${name} ${bytes}`);
  return [
    ["sound", `${found.bytes} bytes, ${found.chunks} chunks`],
    ["format", found.format],
    ["cluster", found.clusterId],
    ["saved from", `${found.node}, raftkv ${found.version}, ${found.savedAt}`],
    ["index", found.index],
    ["term", found.term],
    ["revision", found.revision],
    ["floor", found.floor],
    ["keys", found.keys],
    ["key bytes", `${found.keyValueBytes}, values included`],
    ["versions", found.changes],
    ["with a lease", found.attached],
    ["state bytes", state.join(", ")],
    ["hash", found.hash],
    ["state hash", found.stateHash],
    ["digest", found.digest],
  ];
}
