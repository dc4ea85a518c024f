import type { WalEvent } from "raft-ts";
import type { Logger } from "./logger.js";

/** What the log tells an operator. That it failed is told by the node, which stops then (W1). */
export function logWalEvent(logger: Logger, event: WalEvent): void {
  switch (event.kind) {
    case "opened":
      logger.info(
        event,
        `opened the log: ${event.segments} segments, ${event.bytes} bytes, epoch ${event.epoch}`,
      );
      return;
    case "tail-cut":
      logger.warn(
        event,
        `cut a torn batch off the log: ${event.file} at ${event.offset}, expected ${event.expected}, found ${event.found}`,
      );
      return;
    case "segment-started":
      logger.debug(event, `began segment ${event.file}`);
      return;
    case "segment-deleted":
      logger.debug(event, `deleted segment ${event.file}`);
      return;
    default:
      return;
  }
}
