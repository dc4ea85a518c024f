import { join } from "node:path";
import { NewerFormatError } from "@raftkv/fsm";
import type { LeaderHint, PackedFrame } from "@raftkv/protocol";
import type { StoreFailedError } from "@raftkv/store";
import { Raft, groupId, logIndex, serverId, term } from "raft-ts";
import type { Configuration, GroupId, LogIndex, LogWriter, RaftRestart, ServerId, Term } from "raft-ts";
import type { Lane } from "@raftkv/protocol";
import { DataDirectoryError } from "../errors.js";
import type { ReplicaDiffersError } from "../errors.js";
import { createDirectory, isWitness } from "../identity.js";
import type { MemberRecord, NodeRecord } from "../identity.js";
import { replicatedSettings } from "../limits.js";
import type { Logger } from "../logger.js";
import type { Timings } from "../metrics/timings.js";
import type { NodeOptions } from "../options.js";
import { PolitePace } from "../polite-pace.js";
import { GroupSnapshots } from "../snapshot/group-snapshots.js";
import { VERSION } from "../version.js";
import { Checkpointer } from "./checkpointer.js";
import type { LogProposal } from "./log-proposal.js";
import { EntryBodies, configurationOf } from "./entry-bodies.js";
import { Group } from "./group.js";
import type { MembersOptions } from "./members/members.js";
import { GroupData } from "./group-data.js";
import { HashChecks } from "./hash-checks.js";
import { demandKnownFormats } from "./log-format.js";
import { LogCompaction } from "./log-compaction.js";
import { Outgoing } from "./outgoing.js";
import { paceOf, raftOptions } from "./raft-options.js";
import { Replica } from "./replica.js";
import type { SpaceForEntries } from "./space-for-entries.js";

/** The one group that a node hosts today. */
export const FIRST_GROUP = groupId(1);

export interface OpenGroupOptions {
  readonly id: GroupId;
  readonly options: NodeOptions;
  readonly record: NodeRecord;
  readonly log: LogWriter;
  readonly logger: Logger;
  readonly timings: Timings;
  readonly space: SpaceForEntries;
  readonly send: (peer: ServerId, lane: Lane, frame: PackedFrame) => void;
  /** The newest format of the log that this node understands. */
  readonly logFormat: number;
  /** See `GroupOptions`. */
  readonly logFormatOf: (server: ServerId) => number | null;
  readonly hintOf: (server: ServerId, term: Term) => LeaderHint | null;
  /** See `GroupOptions`. */
  readonly places: MembersOptions["places"];
  readonly onConfiguration: MembersOptions["onConfiguration"];
  readonly onLeaderChanged: (leader: LeaderHint | null) => void;
  /** See `GroupOptions`. */
  readonly onApplied: () => void;
  readonly onFailed: (error: unknown) => void;
  /** See `HashChecksOptions`. */
  readonly onDiffers: (error: ReplicaDiffersError) => void;
}

export interface OpenedGroup {
  readonly group: Group;
  /** Null at a witness (R24). */
  readonly data: GroupData | null;
  /** Resolves once this node's own log is durable up to everything appended so far (S2). */
  readonly whenLogDurable: () => Promise<void>;
}

/**
 * Opens the store at its last checkpoint, and starts the group's core with what the log holds beyond it (S3).
 * @throws {DataDirectoryError} DAMAGED: the log does not hold what it must hold. @throws {NewerFormatError} what log or store
 * hold is of a newer version.
 */
export async function openGroup(opening: OpenGroupOptions): Promise<OpenedGroup> {
  const { id, options, record, log, onFailed } = opening;
  // Without its log this server does not know what it promised, and must not take its old place (R25).
  if (record.begun && log.recovered(id) === null) {
    throw new DataDirectoryError(
      "DAMAGED",
      `${options.dataDir} has no log of group ${id}, which was begun there`,
    );
  }
  if (isWitness(record)) return openWitness(opening);
  const directory = join(options.dataDir, "groups", String(id));
  createDirectory(directory);
  const storeOptions = {
    mode: options.fsmSyncMode,
    cacheBytes: options.storeCacheBytes,
    headerBytesMax: options.storeHeaderBytes,
    // A store that met what it does not understand is no broken one.
    onFailure: (error: StoreFailedError) =>
      onFailed(error.cause instanceof NewerFormatError ? error.cause : error),
  };
  const replica = await Replica.open(
    directory,
    storeOptions,
    log.recovered(id)?.base ?? null,
    opening.logFormat,
  );
  try {
    return await openOver(replica, opening);
  } catch (error) {
    await replica.close({ checkpoint: null });
    throw error;
  }
}

async function openOver(replica: Replica, opening: OpenGroupOptions): Promise<OpenedGroup> {
  const { id, options, record, log, logger, onFailed, timings } = opening;
  const { appliedIndex } = replica;
  const restart = await recover(id, log, record, appliedIndex);
  const unapplied = { from: logIndex(appliedIndex + 1), to: restart.entries.to };
  await demandKnownFormats(log, id, unapplied, opening.logFormat);
  logger.info(
    {
      revision: replica.store?.revision,
      applied: appliedIndex,
      lastIndex: restart.entries.to - 1,
      undone: replica.store?.undoneChanges,
    },
    `opened group ${id} at its checkpoint, index ${appliedIndex}; the log reaches ${restart.entries.to - 1}`,
  );
  const core = raftOptions(options, record, log.epoch);
  const raft = new Raft<LogProposal>(core, restart);
  const whenLogDurable = (): Promise<void> => durable(log);
  const outgoing = new Outgoing({ group: id, log, cached: true, send: opening.send, onFailed });
  const politePace = new PolitePace();
  const snapshots = new GroupSnapshots({
    group: id,
    raft,
    replica,
    politePace,
    bytesPerSecond: options.snapshotBytesPerSecond,
    idleMs: options.snapshotIdleMs,
    savesMax: options.maxSnapshotSaves,
    hasRoom: () => opening.space.takesEntries,
    sendBytes: (peer, bytes) => opening.send(peer, "snapshot", bytes),
    announce: (message) => outgoing.send([message]),
    step: (event) => group.happened(event),
    logger,
  });
  const compaction = new LogCompaction({
    group: id,
    raft,
    log,
    policy: options,
    isWitness: false,
    hasSpare: () => opening.space.hasSpare,
    logger,
    coveredFor: (peer) => snapshots.coveredFor(peer),
    onCompacted: (index) => group.happened({ kind: "compacted", index }),
  });
  const checkpointer = new Checkpointer({
    policy: options,
    logger,
    onTook: (tookMs) => timings.checkpoint.observe(tookMs),
    checkpoint: () => replica.checkpoint(whenLogDurable),
    afterwards: (checkpoint) => compaction.after(checkpoint),
    onFailed,
  });
  const nameOf = (server: ServerId): string => opening.hintOf(server, term(0))?.name ?? server;
  const hashChecks = new HashChecks({
    group: id,
    self: serverId(record.serverId),
    version: VERSION,
    store: () => replica.store,
    configuration: () => raft.status().configuration,
    nameOf,
    intervalMs: options.hashCheckIntervalMs,
    percent: options.hashCheckPercent,
    send: (peer, bytes) => opening.send(peer, "snapshot", bytes),
    logger,
    onDiffers: opening.onDiffers,
    onFailed,
  });
  replica.onHashCheck = (point) => hashChecks.begin(point);
  const data = new GroupData({ replica, snapshots, hashChecks });
  const group = new Group({
    id,
    raft,
    log,
    data,
    appliedIndex,
    bodies: new EntryBodies(id),
    outgoing,
    checkpointer,
    timings,
    space: opening.space,
    batchWaitMs: options.batchWaitMs,
    politePace,
    settings: replicatedSettings(options),
    pace: paceOf(options, core),
    logger,
    hintOf: opening.hintOf,
    logFormatOf: opening.logFormatOf,
    places: opening.places,
    onConfiguration: opening.onConfiguration,
    onLeaderChanged: opening.onLeaderChanged,
    onApplied: opening.onApplied,
    onFailed,
  });
  return { group, data, whenLogDurable };
}

/** Votes and stores the log; there is no store, nothing is applied, and every entry that is sent comes from the disk (R24). */
async function openWitness(opening: OpenGroupOptions): Promise<OpenedGroup> {
  const { id, options, record, log, logger, onFailed, timings } = opening;
  const appliedIndex = logIndex(log.recovered(id)?.base.index ?? record.restored?.index ?? 0);
  const restart = await recover(id, log, record, appliedIndex);
  const lastIndex = restart.entries.to - 1;
  logger.info({ lastIndex }, `opened group ${id} as a witness; the log reaches ${lastIndex}`);
  const core = raftOptions(options, record, log.epoch);
  const raft = new Raft<LogProposal>(core, restart);
  const compaction = new LogCompaction({
    group: id,
    raft,
    log,
    policy: options,
    isWitness: true,
    hasSpare: () => opening.space.hasSpare,
    logger,
    coveredFor: () => null,
    onCompacted: (index) => group.happened({ kind: "compacted", index }),
  });
  const checkpointer = new Checkpointer({
    policy: options,
    logger,
    onTook: (tookMs) => timings.checkpoint.observe(tookMs),
    // With nothing to make durable, only what the members with data lack keeps the log (R24).
    checkpoint: async () => group.appliedIndex,
    afterwards: (checkpoint) => compaction.after(checkpoint),
    onFailed,
  });
  const group = new Group({
    id,
    raft,
    log,
    data: null,
    appliedIndex,
    bodies: new EntryBodies(id),
    outgoing: new Outgoing({ group: id, log, cached: false, send: opening.send, onFailed }),
    checkpointer,
    timings,
    space: opening.space,
    batchWaitMs: options.batchWaitMs,
    politePace: new PolitePace(),
    settings: replicatedSettings(options),
    pace: paceOf(options, core),
    logger,
    hintOf: opening.hintOf,
    logFormatOf: opening.logFormatOf,
    places: opening.places,
    onConfiguration: opening.onConfiguration,
    onLeaderChanged: opening.onLeaderChanged,
    onApplied: opening.onApplied,
    onFailed,
  });
  return { group, data: null, whenLogDurable: () => durable(log) };
}

/** Everything that has been appended, whatever its index, is behind what is appended now. */
function durable(log: LogWriter): Promise<void> {
  return new Promise((resolve, reject) => {
    log.durability.wait(log.stats().nextSeq - 1, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Of a group whose log is empty: who joins knows nothing of it, until its log says so (R21). */
function initialConfiguration(record: NodeRecord): Configuration {
  const nobody = { voters: [], outgoing: [], learners: [], witnesses: [], autoLeave: false };
  if (record.start === "join") return nobody;
  const ids = (members: readonly MemberRecord[]): ServerId[] =>
    members.flatMap((member) => (member.serverId === null ? [] : [serverId(member.serverId)])).sort();
  return {
    voters: ids(record.members),
    outgoing: [],
    learners: [],
    witnesses: ids(record.members.filter((member) => member.witness)),
    autoLeave: false,
  };
}

/**
 * What the log holds of the group. A new group begins with its configuration as the base under an empty log, behind the
 * snapshot that it was restored from, if it was: later members get that as they get any (R23).
 */
async function recover(
  id: GroupId,
  log: LogWriter,
  record: NodeRecord,
  appliedIndex: LogIndex,
): Promise<RaftRestart> {
  const recovered = log.recovered(id);
  const shapes = log.shapes(id);
  const begin = record.restored ?? { index: 0, term: 0 };
  const lastIndex = shapes === null ? begin.index : shapes.to - 1;
  if (appliedIndex > lastIndex) {
    throw new DataDirectoryError(
      "DAMAGED",
      `the log of group ${id} ends at index ${lastIndex}, before the store's checkpoint at ${appliedIndex} (S3)`,
    );
  }
  if (recovered === null || shapes === null) {
    if (appliedIndex < begin.index) {
      throw new DataDirectoryError(
        "DAMAGED",
        `the store of group ${id} is at index ${appliedIndex}, before the snapshot of index ${begin.index} that it was restored from`,
      );
    }
    const [index, next] = [logIndex(begin.index), logIndex(begin.index + 1)];
    const hardState = { currentTerm: term(begin.term), votedFor: null };
    const base = { index, term: term(begin.term), configuration: initialConfiguration(record) };
    log.append({ group: id, hardState, base, entries: [] });
    await durable(log);
    const empty = { from: next, to: next, runs: [], sizes: [], configurations: [] };
    return { hardState, base, entries: empty, appliedIndex };
  }
  if (recovered.base.index > appliedIndex) {
    throw new DataDirectoryError(
      "DAMAGED",
      `the log of group ${id} begins behind index ${recovered.base.index}, after the store's checkpoint at ${appliedIndex} (S4)`,
    );
  }
  const configurations = shapes.configurations.map((frame) => ({
    index: frame.index,
    configuration: configurationOf(frame),
  }));
  return {
    hardState: recovered.hardState,
    base: recovered.base,
    entries: { ...shapes, configurations },
    appliedIndex,
  };
}
