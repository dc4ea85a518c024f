import { REQUEST_OVERHEAD_BYTES } from "@raftkv/protocol";
import type { Logger } from "../logger.js";
import type { NodeOptions } from "../options.js";
import { entryBytes } from "./entry-bodies.js";

/** What an entry has beside what stands in the client's request: log time, session, number and the like, at most. */
const COMMAND_OVERHEAD_BYTES = 64;

type FrameSizes = Pick<NodeOptions, "maxFrameBytes" | "maxKeyBytes" | "maxValueBytes">;
type Sizes = FrameSizes & Pick<NodeOptions, "appendInflightBytes">;

/** The largest frame that a client may send: never smaller than one largest request. */
export function clientFrameBytes({ maxFrameBytes, maxKeyBytes, maxValueBytes }: FrameSizes): number {
  return Math.max(maxFrameBytes, maxKeyBytes + Math.max(maxKeyBytes, maxValueBytes) + REQUEST_OVERHEAD_BYTES);
}

/** The largest single write as an entry: a transaction may fill a frame, and takes no more as a command. */
export function largestWriteBytes(sizes: FrameSizes): number {
  return entryBytes(clientFrameBytes(sizes) + COMMAND_OVERHEAD_BYTES);
}

/** `--append-inflight-bytes`, never smaller than the largest single write: that one would wait for ever (C2). */
export function inflightBytesMax(options: Sizes): number {
  return Math.max(options.appendInflightBytes, largestWriteBytes(options));
}

/** A budget that holds no largest single write would block it for ever (C2). */
export function tellOfRaisedLimit(options: NodeOptions, logger: Logger): void {
  const { appendInflightBytes } = options;
  const limitBytes = inflightBytesMax(options);
  if (limitBytes === appendInflightBytes) return;
  logger.warn(
    { appendInflightBytes, limitBytes },
    `--append-inflight-bytes is ${appendInflightBytes}: raised to ${limitBytes}, the largest single write`,
  );
}
