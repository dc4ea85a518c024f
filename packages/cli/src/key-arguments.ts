import type { Range } from "@raftkv/client";
import type { Argv } from "yargs";
import { argumentBytes } from "./byte-text.js";
import type { Encoding } from "./byte-text.js";
import { flagOption } from "./commands/options.js";
import { usageError } from "./errors.js";

/** One key or several, as `del`, `range` and `watch` take them. */
export interface KeyArguments {
  readonly key: string;
  readonly end: string | undefined;
  readonly prefix: boolean;
  readonly fromKey: boolean;
  readonly keyEncoding: Encoding;
}

export function keyRangeOptions<T>(parser: Argv<T>) {
  return parser
    .option("prefix", flagOption("all keys that begin with KEY"))
    .option("from-key", flagOption("all keys from KEY on, in byte order"));
}

/** @throws {CliError} USAGE: what was given says two things at once. */
function rangeOf(
  { end, fromKey, keyEncoding, prefix }: KeyArguments,
  start: Buffer,
): Range<Uint8Array> | null {
  if (prefix && fromKey) throw usageError("--prefix and --from-key say two things: give one of them");
  if (end !== undefined && (prefix || fromKey)) {
    throw usageError(`END and --${prefix ? "prefix" : "from-key"} say two things: give one of them`);
  }
  if (prefix) return { prefix: start };
  if (fromKey) return { start };
  if (end === undefined) return null;
  const endBytes = argumentBytes("END", end, keyEncoding);
  if (Buffer.compare(start, endBytes) >= 0) {
    throw usageError("END must come after KEY in byte order; the range ends before it");
  }
  return { start, end: endBytes };
}

/** The key, when it stands alone, or the range. @throws {CliError} USAGE. */
export function keysOf(given: KeyArguments): Uint8Array | Range<Uint8Array> {
  const key = argumentBytes("KEY", given.key, given.keyEncoding);
  return rangeOf(given, key) ?? key;
}

/** The same with a key alone as the range that holds nothing else. */
export function keyRangeOf(given: KeyArguments): Range<Uint8Array> {
  const key = argumentBytes("KEY", given.key, given.keyEncoding);
  // The next key in byte order.
  return rangeOf(given, key) ?? { start: key, end: Buffer.concat([key, Buffer.of(0)]) };
}
