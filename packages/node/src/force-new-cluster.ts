import { LOG_FORMAT } from "@raftkv/fsm";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LogWriter, encodeConfiguration, encodeFrame, logIndex, serverId, term } from "raft-ts";
import type { Configuration, GroupId, MemberEntry, ServerId } from "raft-ts";
import { DataDirectoryError } from "./errors.js";
import { configurationOf } from "./group/entry-bodies.js";
import { FIRST_GROUP } from "./group/open-group.js";
import { Replica } from "./group/replica.js";
import { isWitness, newServerId, openRecordOf, saveRecord } from "./identity.js";
import type { NodeRecord } from "./identity.js";
import { readQuarantine } from "./quarantine.js";

/** What a survivor has, and what would become of it. */
export interface Survivor {
  readonly name: string;
  readonly dataDir: string;
  readonly clusterId: string;
  /** The members of the configuration in force here. */
  readonly members: readonly string[];
  /** The cluster had removed it, and went on without it. */
  readonly removed: boolean;
  /** Of the last entry that is on this disk. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Up to here it is known from this disk that entries were committed. */
  readonly committedIndex: number;
  /** The store's revision there. */
  readonly revision: number;
}

export interface ForcedCluster extends Survivor {
  readonly newClusterId: string;
}

/**
 * Makes a cluster of one member, with an id of its own, out of what one survivor has: for a cluster that lost its majority for
 * good. Everything in the survivor's log is kept and becomes committed, also what may never have been; what others
 * had acknowledged beyond it is lost. The configuration entry behind it names this server alone, under a new server id,
 * so none of what the old one promised binds it, and no member of the old cluster can take part (R21, R25).
 * @param decide sees what there is before anything is changed. False leaves it as it is.
 * @returns null when it was not to be done.
 * @throws {DataDirectoryError} NO_DATA: there is no node with data; DAMAGED. @throws {WalLockedError} the node runs; and what the
 *   log and the store throw when they are damaged.
 */
export async function forceNewCluster(
  dataDir: string,
  decide: (survivor: Survivor) => boolean,
): Promise<ForcedCluster | null> {
  if (!existsSync(join(dataDir, "wal"))) {
    throw new DataDirectoryError("NO_DATA", `${dataDir} holds no node that has taken part in a cluster`);
  }
  const log = await LogWriter.open({ dir: join(dataDir, "wal"), enableMemtable: false });
  try {
    const record = openRecordOf(dataDir);
    const survivor = await look(dataDir, record, log);
    if (!decide(survivor)) return null;
    return { ...survivor, newClusterId: await carryOut(dataDir, record, log, survivor) };
  } finally {
    await log.close();
  }
}

async function look(dataDir: string, record: NodeRecord, log: LogWriter): Promise<Survivor> {
  const recovered = log.recovered(FIRST_GROUP);
  if (record.clusterId === null || recovered === null) {
    throw new DataDirectoryError("NO_DATA", `${dataDir} holds a node that has not taken part in a cluster`);
  }
  if (isWitness(record)) {
    throw new DataDirectoryError(
      "NO_DATA",
      `${dataDir} holds a witness, which has no data to begin a cluster with`,
    );
  }
  const quarantine = readQuarantine(dataDir);
  if (quarantine !== null) {
    throw new DataDirectoryError(
      "DAMAGED",
      `${dataDir} is no data to begin a cluster with: ${quarantine.message}`,
    );
  }
  const groupDir = join(dataDir, "groups", String(FIRST_GROUP));
  const replica = await Replica.open(groupDir, {}, recovered.base, LOG_FORMAT);
  const { appliedIndex } = replica;
  const revision = replica.store?.revision ?? 0;
  await replica.close({ checkpoint: null });
  const lastIndex = recovered.lastIndex;
  if (appliedIndex > lastIndex || recovered.base.index > appliedIndex) {
    throw new DataDirectoryError(
      "DAMAGED",
      `the log holds indexes ${recovered.base.index + 1} to ${lastIndex}, the store's checkpoint is at ${appliedIndex} (S3, S4)`,
    );
  }
  return {
    name: record.name,
    dataDir,
    clusterId: record.clusterId,
    members: record.members.map(({ name }) => name),
    removed: record.removed,
    lastIndex,
    lastTerm: log.shapes(FIRST_GROUP)?.runs.at(-1)?.term ?? recovered.base.term,
    committedIndex: appliedIndex,
    revision,
  };
}

/** Stopped in between, the directory is that of no cluster, and the command is to be run again. */
async function carryOut(
  dataDir: string,
  record: NodeRecord,
  log: LogWriter,
  { lastIndex }: Survivor,
): Promise<string> {
  const clusterId = randomBytes(16).toString("hex");
  const own = { id: serverId(newServerId()), index: logIndex(lastIndex + 1) };
  const itself = record.members.filter(({ name }) => name === record.name);
  const members = itself.map((member) => ({ ...member, serverId: own.id }));
  const forced = {
    ...record,
    serverId: own.id,
    clusterId,
    members,
    membersIndex: own.index,
    removed: false,
    unfinished: false,
  };
  saveRecord(dataDir, { ...forced, unfinished: true });
  const recovered = log.recovered(FIRST_GROUP);
  const nextTerm = term((recovered?.hardState.currentTerm ?? 0) + 1);
  const configuration = alone(record, own.id, inForce(log, FIRST_GROUP));
  const header = { group: FIRST_GROUP, term: nextTerm, index: own.index, kind: "configuration" as const };
  const entry = encodeFrame(header, Buffer.from(encodeConfiguration(configuration)));
  log.append({
    group: FIRST_GROUP,
    hardState: { currentTerm: nextTerm, votedFor: null },
    base: null,
    entries: [entry],
  });
  await new Promise<void>((resolve, reject) => {
    log.durability.wait(log.stats().nextSeq - 1, (error) => (error === null ? resolve() : reject(error)));
  });
  saveRecord(dataDir, forced);
  return clusterId;
}

function inForce(log: LogWriter, group: GroupId): Configuration | null {
  const last = log.shapes(group)?.configurations.at(-1);
  return last === undefined ? (log.recovered(group)?.base.configuration ?? null) : configurationOf(last);
}

function alone(record: NodeRecord, id: ServerId, before: Configuration | null): Configuration {
  const itself = record.members.find(({ name }) => name === record.name);
  const entry: MemberEntry = {
    name: record.name,
    id,
    peer: itself?.peer ?? "",
    client: itself?.client ?? null,
    witness: false,
    willVote: false,
  };
  const old = [...(before?.voters ?? []), ...(before?.outgoing ?? []), ...(before?.learners ?? [])];
  return {
    voters: [id],
    outgoing: [],
    learners: [],
    witnesses: [],
    autoLeave: false,
    lease: before?.lease ?? null,
    directory: { members: [entry], removed: [...new Set(old)] },
  };
}
