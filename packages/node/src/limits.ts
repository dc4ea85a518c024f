import type { CommandLimits, Settings } from "@raftkv/fsm";
import { TXN_DEPTH_MAX } from "@raftkv/protocol";
import type { Limits } from "@raftkv/protocol";
import type { ClientListenerLimits } from "./client/listener.js";
import { clientFrameBytes } from "./group/inflight-bytes.js";
import type { NodeOptions } from "./options.js";

const PAGE_BYTES = 4096;

/** What every client is told in the welcome, and every request is held against (C7). */
export function clientLimits(options: NodeOptions): Limits {
  return {
    frameBytes: clientFrameBytes(options),
    frameRequests: options.maxFrameRequests,
    keyBytes: options.maxKeyBytes,
    valueBytes: options.maxValueBytes,
    operationsInTxn: options.maxTxnOperations,
    watchesPerConnection: options.maxConnectionWatches,
    rangeEntries: options.maxRangeEntries,
  };
}

/** What a command is held against before it is proposed (C7). */
export function commandLimits(options: NodeOptions): CommandLimits {
  return {
    keyBytesMax: options.maxKeyBytes,
    valueBytesMax: options.maxValueBytes,
    operationsMax: options.maxTxnOperations,
    nestingMax: TXN_DEPTH_MAX,
    leasesMax: options.maxTxnOperations,
    routesMax: options.maxTxnOperations,
    ttlMsMin: options.minTtlMs,
    ttlMsMax: options.maxTtlMs,
  };
}

/** What this node puts into the log when it leads: what apply is held against, the same on every replica (F1). */
export function replicatedSettings(options: NodeOptions): Omit<Settings, "logFormat"> {
  return {
    sessionsMax: options.maxSessions,
    sessionResultsMax: options.maxSessionResults,
    resultBytesMax: options.maxResultBytes,
    allResultBytesMax: options.maxAllResultBytes,
    allResultsMax: options.maxAllResults,
    rangeDeleteKeysMax: options.maxRangeDeleteKeys,
    answerBytesMax: Math.min(options.maxAnswerBytes, clientFrameBytes(options) >> 1),
    leasesMax: options.maxLeases,
    leaseKeysMax: options.maxLeaseKeys,
    leaseExpiryKeysMax: options.maxLeaseExpiryKeys,
  };
}

/** What a client may leave unread before it is cut; half of it is for one largest reply (C2). */
export function unreadBytesMax(options: NodeOptions): number {
  return Math.max(options.maxUnreadBytes, 2 * clientFrameBytes(options));
}

/** Segments are whole pages. */
export function segmentBytes({ walSegmentBytes }: NodeOptions): number {
  return Math.ceil(walSegmentBytes / PAGE_BYTES) * PAGE_BYTES;
}

/** What strangers may take of this node (C7). */
export function listenerLimits(options: NodeOptions): ClientListenerLimits {
  return {
    connections: options.maxConnections,
    waitingConnections: options.maxWaitingConnections,
    httpRequests: options.maxHttpRequests,
    handshakeMs: options.handshakeTimeoutMs,
    silenceMs: options.clientSilenceMs,
    inflightRequests: options.maxInflightRequests,
    inflightBytes: options.maxInflightBytes,
    unreadBytes: unreadBytesMax(options),
    allUnreadBytes: Math.max(options.maxAllUnreadBytes, unreadBytesMax(options)),
    partialBytes: Math.max(options.maxPartialBytes, 2 * clientFrameBytes(options)),
  };
}
