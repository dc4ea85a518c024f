import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request as startRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { basename, dirname, join, resolve } from "node:path";
import type { SnapshotFileParser } from "@raftkv/node";
import { unescapeText } from "../../arguments.js";
import { splitAddress } from "../../address.js";
import { probeReason } from "../../cluster/probe.js";
import type { Context } from "../../context.js";
import { parseDuration } from "../../duration.js";
import { findEndpoints, stoppedHint } from "../../endpoints.js";
import { CliError, usageError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { counted } from "../../numbers.js";
import { say, sayJson } from "../../output.js";
import { Progress } from "../../progress-lines.js";

export interface SaveArguments {
  readonly file: string;
  readonly endpoints: string | undefined;
  readonly timeout: string;
  readonly json: boolean;
  readonly force: boolean;
  readonly consistency: string;
}

const ERROR_BYTES_MAX = 64 * 1024;

/**
 * The file takes its name only when all of it was verified and is on the disk.
 * @throws {CliError} FILE_EXISTS, BAD_OUTPUT, UNAVAILABLE, SNAPSHOT_DAMAGED.
 */
export async function save(context: Context, argv: SaveArguments): Promise<ExitCode> {
  const path = resolve(context.cwd, unescapeText(argv.file));
  demandFree(path, argv);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const timeoutMs = parseDuration("--timeout", argv.timeout);
  const endpoints = findEndpoints(argv.endpoints, context.env, context.cwd);
  const file = openTemporary(temporary);
  try {
    const { response, address } = await firstThatGives(context, argv, endpoints, timeoutMs);
    const parser = await receive(context, response, { address, file, timeoutMs });
    fsyncSync(file);
    closeSync(file);
    demandFree(path, argv);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
    return tell(context, argv, path, parser);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function demandFree(path: string, { file, force }: SaveArguments): void {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) throw usageError(`${file} is a directory: name a file`, "BAD_OUTPUT");
  if (!force)
    throw usageError(`${file} exists: name another file, or give --force to replace it`, "FILE_EXISTS");
}

function openTemporary(temporary: string): number {
  try {
    return openSync(temporary, "wx", 0o600);
  } catch (error) {
    throw usageError(`no file can be written there: ${(error as Error).message}`, "BAD_OUTPUT");
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Asks one endpoint after the other; says why each before did not give one. */
async function firstThatGives(
  context: Context,
  argv: SaveArguments,
  endpoints: ReturnType<typeof findEndpoints>,
  timeoutMs: number,
): Promise<{ readonly response: IncomingMessage; readonly address: string }> {
  const reasons: string[] = [];
  for (const { address } of endpoints) {
    const asked = await ask(address, argv.consistency, timeoutMs);
    if (typeof asked !== "string") return { response: asked, address };
    reasons.push(`${address}: ${asked}`);
  }
  const hint = stoppedHint(argv.endpoints, context.env, context.cwd);
  throw new CliError(
    "UNAVAILABLE",
    EXIT.unavailable,
    `no node gives a snapshot: ${reasons.join(" | ")}${hint === null ? "" : `; ${hint}`}`,
  );
}

function ask(address: string, consistency: string, timeoutMs: number): Promise<IncomingMessage | string> {
  const parts = splitAddress(address);
  if (parts === null) return Promise.resolve("it is no HOST:PORT");
  return new Promise((done) => {
    const path = `/v1/snapshot?consistency=${consistency}`;
    const request = startRequest({ ...parts, path, agent: false }, (response) => {
      clearTimeout(timer);
      done(response.statusCode === 200 ? response : refusal(response));
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      done(error.code === "ECONNREFUSED" ? "nothing listens there" : error.message);
    });
    request.end();
  });
}

async function refusal(response: IncomingMessage): Promise<string> {
  let body = "";
  try {
    for await (const piece of response) if (body.length < ERROR_BYTES_MAX) body += String(piece);
  } catch {
    // What was said until then is all that is known.
  }
  return probeReason(body) ?? `it answered HTTP ${response.statusCode}`;
}

/** Writes what comes, and judges it on the way. A node that says nothing for `timeoutMs` is given up. */
async function receive(
  context: Context,
  response: IncomingMessage,
  {
    address,
    file,
    timeoutMs,
  }: { readonly address: string; readonly file: number; readonly timeoutMs: number },
): Promise<SnapshotFileParser> {
  const { SnapshotFileParser } = await import("@raftkv/node");
  const progress = new Progress(context.err, {
    shownFrom: 10_000,
    format: () => "saving {bar} {percentage}%",
    line: (percent) => `saving: ${percent}%`,
  });
  // Its revisions in the order of time, then its keys: what of both has come.
  let [revision, keys] = [0, 0];
  const parser: SnapshotFileParser = new SnapshotFileParser("what the node sends", {
    record: (key) => {
      if (key[0] === CHANGE) revision = key.readUIntBE(3, 6);
      else if (key[0] === LATEST) keys += 1;
    },
    chunk: () => {
      const { head } = parser;
      if (head === null) return;
      const seen = keys > 0 ? head.revision : revision;
      progress.at(Math.min(seen + keys, head.revision + head.keys), head.revision + head.keys);
    },
  });
  response.setTimeout(timeoutMs, () => response.destroy(new Error(`nothing came for ${timeoutMs} ms`)));
  try {
    for await (const piece of response) {
      parser.push(piece as Buffer);
      writeFileSync(file, piece as Buffer);
    }
    parser.end();
  } catch (error) {
    throw failure(error as NodeJS.ErrnoException, address);
  } finally {
    progress.end();
  }
  return parser;
}

/** The first bytes of the records that progress is told by (docs/storage-format.md). */
const CHANGE = 0x48;
const LATEST = 0x4c;

function failure(error: NodeJS.ErrnoException, address: string): Error {
  if (error.code === "SNAPSHOT_DAMAGED")
    return new CliError(error.code, EXIT.negative, `${address}: ${error.message}`);
  // Of the file: a full disk, for one.
  if (error.syscall === "write" || error.code === "UNKNOWN_FORMAT") return error;
  return new CliError(
    "UNAVAILABLE",
    EXIT.unavailable,
    `${address} broke off: ${error.message}; nothing was saved`,
  );
}

function tell(context: Context, { json }: SaveArguments, path: string, parser: SnapshotFileParser): ExitCode {
  const { about, digest, head } = parser;
  const bytes = statSync(path).size;
  const facts = {
    file: path,
    bytes,
    node: about?.node ?? null,
    clusterId: about?.clusterId ?? null,
    index: head?.index ?? 0,
    revision: head?.revision ?? 0,
    keys: head?.keys ?? 0,
    digest: digest?.toString("hex") ?? null,
  };
  if (json) sayJson(context, facts);
  else {
    const { index, keys, node, revision } = facts;
    say(
      context,
      `saved ${path}: ${counted(keys, "key")} at revision ${revision}, index ${index}, ${bytes} bytes, from ${node}`,
    );
  }
  return EXIT.done;
}
