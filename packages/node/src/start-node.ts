import { join } from "node:path";
import { LogWriter } from "raft-ts";
import { FIRST_GROUP } from "./group/open-group.js";
import { checkDataDirectory, createDirectory, opensAsWitness } from "./identity.js";
import { segmentBytes } from "./limits.js";
import { createLogger } from "./logger.js";
import type { LogPlace } from "./logger.js";
import { Timings } from "./metrics/timings.js";
import { Node } from "./node.js";
import type { NodeOptions } from "./options.js";
import type { NodeParts, RunningNode } from "./running-node.js";
import { logWalEvent } from "./wal-events.js";

/**
 * Starts a node: locks its directory, recovers its log, listens, and takes part once its cluster has formed.
 * @throws errors with a `code` that `exitCodeOf` knows; nothing is left open then.
 */
export async function startNode(options: NodeOptions, parts: NodeParts = {}): Promise<RunningNode> {
  checkDataDirectory(options);
  createDirectory(options.dataDir);
  const timings = new Timings();
  let node: Node | null = null;
  const place = (): LogPlace => ({ group: FIRST_GROUP, term: node?.term ?? 0 });
  const logger = createLogger(options.logLevel, options.name, place);
  const log = await LogWriter.open({
    ...(parts.fileSystem === undefined ? {} : { fileSystem: parts.fileSystem }),
    dir: join(options.dataDir, "wal"),
    enableMemtable: !opensAsWitness(options),
    segmentBytes: segmentBytes(options),
    sealAfterMs: options.walSealAfterMs,
    memtableBytes: options.walMemtableBytes,
    onSynced: (tookMs) => timings.logSync.observe(tookMs),
    onEvent: (event) => {
      // Also when nobody waits for the batch that failed, as with the one that seals: the node must not go on (W1).
      if (event.kind === "poisoned") node?.fail(event.error);
      else logWalEvent(logger, event);
    },
  });
  try {
    node = new Node(options, parts, logger, log, timings);
  } catch (error) {
    await log.close();
    throw error;
  }
  try {
    await node.listen();
  } catch (error) {
    await node.close();
    throw error;
  }
  return node;
}
