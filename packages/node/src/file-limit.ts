import { readFileSync } from "node:fs";

/** Of the log, the store and its caches, the other members, and what Node.js has open: LevelDB alone keeps up to 1,000. */
const FILES_BESIDE = 1_500;
/** A node with fewer would be of no use. */
const CONNECTIONS_MIN = 16;

/**
 * Open files that this process may have; null where the system does not tell. Node.js raises its soft limit to the hard
 * one at its start.
 */
export function openFilesMax(limits: () => string = processLimits): number | null {
  let text: string;
  try {
    text = limits();
  } catch {
    return null;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? null : Number(soft);
}

/** What strangers may have open, each connection being a file. */
export interface ConnectionLimits {
  readonly connections: number;
  readonly waitingConnections: number;
  readonly httpRequests: number;
}

/**
 * The same limits, or smaller ones in the same proportion: a node that strangers leave without a file for its log has to
 * end (W1).
 */
export function withinFiles<T extends ConnectionLimits>(limits: T, filesMax: number | null): T {
  if (filesMax === null) return limits;
  const { connections, httpRequests, waitingConnections } = limits;
  const wanted = connections + waitingConnections + httpRequests;
  // With few files in all, half of them.
  const room = Math.max(filesMax - FILES_BESIDE, filesMax >> 1);
  if (wanted <= room) return limits;
  const part = (count: number): number =>
    Math.max(Math.min(count, CONNECTIONS_MIN), Math.floor((count * room) / wanted));
  return {
    ...limits,
    connections: part(connections),
    waitingConnections: part(waitingConnections),
    httpRequests: part(httpRequests),
  };
}

function processLimits(): string {
  return readFileSync("/proc/self/limits", "utf8");
}
