import { setTimeout as pause } from "node:timers/promises";
import type { ServerId } from "raft-ts";
import type { Group } from "./group.js";

/** How often it is looked whether the others have taken over. */
const LOOK_MS = 2;
/** Election timeouts that the others have for it: a transfer that fails takes one. */
const TIMEOUTS_MAX = 3;

export interface LeaveOptions {
  readonly electionTimeoutMs: number;
  readonly transport: {
    /** Whether what is sent to that member goes out. */
    reaches(member: ServerId): boolean;
  };
  /** The node has failed meanwhile: nobody is answered any more. */
  readonly hasFailed: () => boolean;
}

/**
 * Before a planned stop: leadership goes to another member, if there is one that can take it, and what stands in this
 * server's log gets its answer. So nobody who asked is left without one, and nobody waits for an election.
 */
export async function leave(group: Group, options: LeaveOptions): Promise<void> {
  const { electionTimeoutMs, hasFailed } = options;
  const endMs = performance.now() + TIMEOUTS_MAX * electionTimeoutMs;
  const goesOn = (): boolean => performance.now() < endMs && !hasFailed();
  while (group.leads && goesOn() && hasSuccessor(group, options)) {
    if (group.status.transfer === null) group.handOver();
    await pause(LOOK_MS);
  }
  while (group.pendingWrites > 0 && group.leader !== null && goesOn()) await pause(LOOK_MS);
}

function hasSuccessor({ status }: Group, { transport }: LeaveOptions): boolean {
  const { voters, witnesses } = status.configuration;
  return status.progress.some(
    ({ id, recentlyActive }) =>
      recentlyActive && voters.includes(id) && !witnesses.includes(id) && transport.reaches(id),
  );
}
