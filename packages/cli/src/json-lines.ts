import type { Readable } from "node:stream";
import { CliError, usageError } from "./errors.js";
import { EXIT } from "./exit-codes.js";

/** The largest key and value that any cluster takes, in base64, and what is around them. */
const LINE_BYTES_MAX = 400 * 1024 * 1024;
const NEWLINE = 10;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly bytes: Buffer;
  /** How much of the input was read up to its end. */
  readonly readBytes: number;
}

/**
 * The lines of an input as they come; the last one needs no newline.
 * @throws {CliError} BAD_INPUT: it cannot be read; TOO_LARGE: a line has no end.
 */
export async function* linesOf(
  input: Readable,
  bytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<Line, void, undefined> {
  let number = 0;
  let readBytes = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const line = (end: Buffer, newlineBytes: number): Line => {
    const bytes = Buffer.concat([...pending, end]);
    number += 1;
    readBytes += bytes.length + newlineBytes;
    pending = [];
    pendingBytes = 0;
    return { number, bytes, readBytes };
  };
  const chunks = input[Symbol.asyncIterator]();
  for (;;) {
    const chunk = await next(chunks);
    if (chunk === null) break;
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield line(rest.subarray(0, end), 1);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) pending.push(rest);
    pendingBytes += rest.length;
    if (pendingBytes > bytesMax)
      throw new CliError("TOO_LARGE", EXIT.refused, `line ${number + 1} has more than ${bytesMax} bytes`);
  }
  if (pendingBytes > 0) yield line(Buffer.alloc(0), 0);
}

async function next(chunks: AsyncIterator<unknown>): Promise<Buffer | null> {
  try {
    const { done = false, value } = await chunks.next();
    return done ? null : Buffer.from(value as Uint8Array);
  } catch (error) {
    throw usageError(`the input cannot be read: ${(error as Error).message}`, "BAD_INPUT");
  }
}
