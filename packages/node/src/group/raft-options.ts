import { DEFAULT_RAFT_LIMITS, serverId } from "raft-ts";
import type { RaftOptions } from "raft-ts";
import type { NodeRecord } from "../identity.js";
import type { NodeOptions } from "../options.js";
import { inflightBytesMax } from "./inflight-bytes.js";

/** What the core of a group's server is configured with. */
export function raftOptions(options: NodeOptions, record: NodeRecord, bootEpoch: number): RaftOptions {
  const heartbeatTicks = Math.max(1, Math.round(options.heartbeatMs / options.tickMs));
  return {
    ...DEFAULT_RAFT_LIMITS,
    id: serverId(record.serverId),
    seed: Number.parseInt(record.serverId.slice(0, 8), 16) + bootEpoch,
    bootEpoch,
    heartbeatTicks,
    // Both are rounded to ticks: what holds for the times must hold for these too.
    electionTimeoutTicks: Math.max(
      3 * heartbeatTicks,
      Math.round(options.electionTimeoutMs / options.tickMs),
    ),
    // Beside what is in flight, writes that nobody waits for any more are uncommitted as well, and hold no permit (C2).
    uncommittedBytesMax: 2 * inflightBytesMax(options),
  };
}

/** Times of a server, as its ticks make them. */
export interface Pace {
  readonly heartbeatMs: number;
  /** The shortest. */
  readonly electionTimeoutMs: number;
}

export function paceOf({ tickMs }: NodeOptions, raft: RaftOptions): Pace {
  return {
    heartbeatMs: raft.heartbeatTicks * tickMs,
    electionTimeoutMs: raft.electionTimeoutTicks * tickMs,
  };
}
