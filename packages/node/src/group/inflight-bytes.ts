import type { NodeOptions } from "../options.js";
import { entryBytes } from "./entry-bodies.js";

/** A command's own bytes beside key and value, at most. */
const COMMAND_OVERHEAD_BYTES = 64;

type Sizes = Pick<NodeOptions, "appendInflightBytes" | "maxKeyBytes" | "maxValueBytes">;

/** The largest single write as an entry. */
export function largestWriteBytes({ maxKeyBytes, maxValueBytes }: Sizes): number {
  return entryBytes(maxKeyBytes + maxValueBytes + COMMAND_OVERHEAD_BYTES);
}

/** `--append-inflight-bytes`, never smaller than the largest single write: that one would wait for ever (C2). */
export function inflightBytesMax(options: Sizes): number {
  return Math.max(options.appendInflightBytes, largestWriteBytes(options));
}
