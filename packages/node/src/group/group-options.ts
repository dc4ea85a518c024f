import type { Settings } from "@raftkv/fsm";
import type { GroupId, LogIndex, LogWriter, Raft, ServerId } from "raft-ts";
import type { Timings } from "../metrics/timings.js";
import type { Checkpointer } from "./checkpointer.js";
import type { EntryBodies } from "./entry-bodies.js";
import type { GroupData } from "./group-data.js";
import type { LeadershipOptions } from "./leadership.js";
import type { LogProposal } from "./log-proposal.js";
import type { MembersOptions } from "./members/members.js";
import type { Outgoing } from "./outgoing.js";
import type { PolitePace } from "../polite-pace.js";
import type { Pace } from "./raft-options.js";
import type { SpaceForEntries } from "./space-for-entries.js";

export interface GroupOptions extends LeadershipOptions, Pick<MembersOptions, "places" | "onConfiguration"> {
  readonly id: GroupId;
  readonly raft: Raft<LogProposal>;
  readonly log: LogWriter;
  /** Null at a witness, which applies nothing (R24). */
  readonly data: GroupData | null;
  readonly appliedIndex: LogIndex;
  readonly bodies: EntryBodies;
  readonly outgoing: Outgoing;
  readonly checkpointer: Checkpointer;
  readonly timings: Timings;
  readonly space: SpaceForEntries;
  /** How long a write waits at most for those that are likely to come with it, see `BatchWait`. */
  readonly batchWaitMs: number;
  /** At which a member that was away takes in what it missed. */
  readonly politePace: PolitePace;
  readonly pace: Pace;
  /** What a leader puts into the log when other settings are there (F1). */
  readonly settings: Omit<Settings, "logFormat">;
  /** The newest format of the log that a member that can be reached understands; null when that is not known. */
  readonly logFormatOf: (server: ServerId) => number | null;
  /** Everything up to the applied index may be told: after the results of each batch, and after a snapshot. */
  readonly onApplied: () => void;
  /** The end of this server: a broken invariant, a failed log or store (R17, W1, F4). */
  readonly onFailed: (error: unknown) => void;
}
