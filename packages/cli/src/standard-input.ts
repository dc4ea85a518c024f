import { fstatSync } from "node:fs";
import { Readable } from "node:stream";
import { CliError, usageError } from "./errors.js";
import { EXIT } from "./exit-codes.js";

/** No cluster takes larger values: it is the most that `--max-value-bytes` of a node may be. */
const VALUE_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Standard input as a stream. Node.js gives an empty one for what it cannot read, such as a directory, and a value that
 * nobody meant would be put: here it fails.
 */
export function standardInput(): Readable {
  // As bigint, since Node.js 20 and 22 keep the other kind in a place that their module loader looks at: behind an fstat
  // of a pipe it takes links for directories, and finds no package any more.
  const kind = fstatSync(0, { bigint: true });
  if (kind.isDirectory()) return failing("it is a directory");
  if (kind.isBlockDevice()) return failing("it is a block device");
  return process.stdin;
}

function failing(why: string): Readable {
  return new Readable({
    read() {
      this.destroy(new Error(why));
    },
  });
}

/**
 * Reads a value to its end.
 * @throws {CliError} BAD_INPUT: it cannot be read, so nothing may be put; TOO_LARGE: reading stopped at `bytesMax`.
 */
export async function readValue(input: Readable, bytesMax: number = VALUE_BYTES_MAX): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of input) {
      const part = Buffer.from(chunk as Uint8Array);
      bytes += part.length;
      if (bytes > bytesMax) break;
      chunks.push(part);
    }
  } catch (error) {
    throw usageError(`standard input cannot be read: ${(error as Error).message}`, "BAD_INPUT");
  }
  if (bytes <= bytesMax) return Buffer.concat(chunks);
  throw new CliError(
    "TOO_LARGE",
    EXIT.refused,
    `standard input has more than ${bytesMax} bytes, the most that any cluster takes`,
  );
}
