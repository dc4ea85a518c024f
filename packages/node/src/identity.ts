import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { replaceFileDurably, syncDirectory } from "./durable-file.js";
import { DataDirectoryError } from "./errors.js";
import { formatHostPort } from "./host-port.js";
import type { InitialMember, NodeOptions } from "./options.js";
import { ConfigurationError } from "./settings.js";

const FORMAT = 1;

/** A member as this node knows it. */
export interface MemberRecord {
  readonly name: string;
  /** Null until the member was met (R25). */
  readonly serverId: string | null;
  readonly peer: string;
  /** Where its clients reach it, as it said last. */
  readonly client: string | null;
  /** It votes and stores the log, and has no data (R24). */
  readonly witness: boolean;
}

/** The snapshot that a member of a new cluster was restored from: its log begins behind that (R23). */
export interface RestoredFrom {
  readonly index: number;
  readonly term: number;
  /** The same at all members that were restored from the same snapshot in the same way. */
  readonly source: string;
}

type OlderMemberRecord = Omit<MemberRecord, "witness"> & { readonly witness?: boolean };

/** `<data-dir>/node.json`: who this node is. Written as one step, and durable before it is acted on (R25). */
export interface NodeRecord {
  readonly format: number;
  readonly name: string;
  readonly serverId: string;
  /** Null until the cluster has formed. */
  readonly clusterId: string | null;
  /** How the directory came about; a node that joins waits until the cluster knows it. */
  readonly start: "init" | "join";
  /** Whether this server has taken part: then its log must be there, since its promises stand in that (R25). */
  readonly begun: boolean;
  readonly members: readonly MemberRecord[];
  /** Null when the directory was not restored from a snapshot. */
  readonly restored: RestoredFrom | null;
  /** Where the committed configuration stands in the log that has these members; 0: they formed the cluster. */
  readonly membersIndex: number;
  /** The cluster has removed this server: it must not serve any more. */
  readonly removed: boolean;
  /** A new cluster was being made of it by force, and the log may not say so yet. */
  readonly unfinished: boolean;
}

function recordPath(dataDir: string): string {
  return join(dataDir, "node.json");
}

/**
 * Decides, without writing anything, whether the directory may be used as it was asked for (R25).
 * @throws {DataDirectoryError} nothing is there and neither --init nor --join was given; or something else is there.
 */
export function checkDataDirectory(options: NodeOptions): void {
  const { dataDir, name, start } = options;
  if (existsSync(recordPath(dataDir))) {
    const record = readRecord(dataDir);
    if (record.name !== name)
      throw new ConfigurationError("--name", name, `"${record.name}", whose data ${dataDir} holds`);
    if (record.removed) throw removedError(name);
    if (record.unfinished) throw unfinishedError(dataDir);
    if (options.witness && !isWitness(record)) {
      throw new ConfigurationError("--witness", "true", `left out: ${dataDir} holds a member with data`);
    }
    return;
  }
  if (existsSync(join(dataDir, "groups"))) throw missingRecord(dataDir);
  if (start === "resume") {
    throw new DataDirectoryError(
      "NO_DATA",
      `${dataDir} holds no node: give --init to start a new cluster, or --join to join an existing one`,
    );
  }
}

/** A server that was removed does not come back: it may have missed what was decided since (R25). */
export function removedError(name: string): DataDirectoryError {
  return new DataDirectoryError(
    "REMOVED",
    `${name} was removed from its cluster, and must not serve any more; its data directory may be deleted. ` +
      "To have it back, add it again with `raftkv member add`, and start it with an empty directory and --join",
  );
}

function unfinishedError(dataDir: string): DataDirectoryError {
  return new DataDirectoryError(
    "UNFINISHED",
    `\`raftkv admin force-new-cluster\` was interrupted in ${dataDir}: run it again`,
  );
}

function missingRecord(dataDir: string): DataDirectoryError {
  return new DataDirectoryError("DAMAGED", `${dataDir} holds data of a node, but its node.json is missing`);
}

/**
 * Creates a directory and everything above it, each durable in its parent. What is there already is synced as well:
 * whoever made it (`cluster start`, a start that was killed) may not have come to that (W11).
 * @returns the outermost directory that it made; null when all were there.
 */
export function createDirectory(path: string): string | null {
  const made = mkdirSync(path, { recursive: true, mode: 0o700 }) ?? null;
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    try {
      syncDirectory(dirname(at));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Not ours to read, or of a kind that cannot be synced: then it is older than this node.
      if (code === "EACCES" || code === "EPERM" || code === "EINVAL" || code === "EROFS") break;
      throw error;
    }
  }
  return made;
}

/**
 * Reads the node's record, or makes a new one with a random server id: a wiped node is never its old self (R25).
 * To be called with the directory locked.
 * @param logHoldsData whether the log knows a group: then a record must be there.
 */
export function openRecord(options: NodeOptions, logHoldsData: boolean): NodeRecord {
  if (existsSync(recordPath(options.dataDir))) {
    // Its name may be in memory only: the last start can have been killed between the rename and the sync (W11).
    syncDirectory(options.dataDir);
    return withOwnAddress(readRecord(options.dataDir), options);
  }
  if (logHoldsData) throw missingRecord(options.dataDir);
  const start = options.start === "join" ? "join" : "init";
  const record = withOwnAddress(newRecord(options.name, membersAtStart(options), { start }), options);
  saveRecord(options.dataDir, record);
  return record;
}

/** No other server ever had it (R25). */
export function newServerId(): string {
  return randomBytes(8).toString("hex");
}

/** The record of a node that is there. @throws {DataDirectoryError} NO_DATA, DAMAGED, FOREIGN_DATA. */
export function openRecordOf(dataDir: string): NodeRecord {
  if (existsSync(recordPath(dataDir))) return readRecord(dataDir);
  throw new DataDirectoryError("NO_DATA", `${dataDir} holds no node`);
}

/** Of a node that has met nobody yet, under a server id that no other ever had (R25). */
export function newRecord(
  name: string,
  members: readonly InitialMember[],
  { start = "init", restored = null }: Partial<Pick<NodeRecord, "start" | "restored">>,
): NodeRecord {
  const serverId = newServerId();
  return {
    format: FORMAT,
    name,
    serverId,
    clusterId: null,
    start,
    begun: false,
    members: members.map((member) => ({
      name: member.name,
      serverId: member.name === name ? serverId : null,
      peer: formatHostPort(member),
      client: null,
      witness: member.witness,
    })),
    membersIndex: 0,
    removed: false,
    unfinished: false,
    restored,
  };
}

/** Those that form the cluster. A node that joins one says where it is to be found, whether or not it is in the list. */
function membersAtStart({
  advertisePeer,
  initialCluster,
  name,
  witness,
}: NodeOptions): readonly InitialMember[] {
  const isListed = initialCluster.some((member) => member.name === name);
  return isListed ? initialCluster : [...initialCluster, { name, witness, ...advertisePeer }];
}

/** Clients are sent to where this node says now that it is, not to where it was when its directory was made. */
function withOwnAddress(record: NodeRecord, options: NodeOptions): NodeRecord {
  const client = formatHostPort(options.advertiseClient);
  return {
    ...record,
    members: record.members.map((member) => (member.name === record.name ? { ...member, client } : member)),
  };
}

export function saveRecord(dataDir: string, record: NodeRecord): void {
  replaceFileDurably(recordPath(dataDir), `${JSON.stringify(record, null, 2)}\n`);
}

/** @throws {DataDirectoryError} the file cannot be understood, or a newer version wrote it. */
function readRecord(dataDir: string): NodeRecord {
  const path = recordPath(dataDir);
  let record: Partial<NodeRecord>;
  try {
    record = JSON.parse(readFileSync(path, "utf8")) as Partial<NodeRecord>;
  } catch (error) {
    throw new DataDirectoryError("DAMAGED", `${path} cannot be read: ${(error as Error).message}`);
  }
  if (record.format !== FORMAT) {
    throw new DataDirectoryError(
      "FOREIGN_DATA",
      `${path} has format ${String(record.format)}, this version reads format ${FORMAT}`,
    );
  }
  const { name, serverId, clusterId, members } = record;
  const sound =
    typeof name === "string" &&
    typeof serverId === "string" &&
    (clusterId === null || typeof clusterId === "string") &&
    Array.isArray(members);
  if (!sound) throw new DataDirectoryError("DAMAGED", `${path} lacks name, serverId, clusterId or members`);
  return {
    ...(record as NodeRecord),
    begun: record.begun === true,
    // Missing in what was written before there were snapshots to restore.
    restored: record.restored ?? null,
    // Missing in what was written before members could change.
    membersIndex: record.membersIndex ?? 0,
    removed: record.removed === true,
    unfinished: record.unfinished === true,
    // Missing in what was written before there were witnesses.
    members: (members as readonly OlderMemberRecord[]).map((member) => ({
      ...member,
      witness: member.witness ?? false,
    })),
  };
}

/** Whether the node of this record is a witness. */
export function isWitness({ name, members }: NodeRecord): boolean {
  return members.some((member) => member.name === name && member.witness);
}

/** Whether the directory's node is a witness, or will be; its record goes before what it is told this time. */
export function opensAsWitness(options: NodeOptions): boolean {
  return existsSync(recordPath(options.dataDir)) ? isWitness(readRecord(options.dataDir)) : options.witness;
}

/** Follows from who formed the cluster, as what and out of what, so every member finds the same, and no other cluster has it. */
export function clusterIdOf({ members, restored }: Pick<NodeRecord, "members" | "restored">): string {
  const lines = members
    .map(({ name, serverId, witness }) => `${name}=${serverId ?? ""}${witness ? "/witness" : ""}`)
    .sort();
  if (restored !== null) lines.push(`restored=${restored.source}`);
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 32);
}
