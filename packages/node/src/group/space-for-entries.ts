import { readFrames } from "raft-ts";

/** The disk's room, as far as a group must know of it. */
export interface SpaceForEntries {
  readonly takesEntries: boolean;
  /** Whether there is more than what must stay free: for what may go at any time. */
  readonly hasSpare: boolean;
  /** So many bytes of entries were taken. */
  spend(bytes: number): void;
}

/**
 * Whether a server without space lets this append pass by, as if it had been lost on the way: so it acknowledges
 * nothing that it has no room for (W12). Entries of the leader's own are small, and are what reads and votes stand on:
 * they are taken. An empty append is let pass by too: answered, it would make the leader send its whole window again, for
 * nothing. With room again, the next one that follows a heartbeat brings the two together (R12).
 * @throws {FrameError} the bytes are not what they claim to be.
 */
export function needsRoom(entries: Buffer): boolean {
  if (entries.length === 0) return true;
  for (const frame of readFrames(entries)) if (frame.kind === "command") return true;
  return false;
}
