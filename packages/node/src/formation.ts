import { LOG_FORMAT_BASE } from "@raftkv/fsm";
import type { LeaderHint, MemberAddress, PeerIdentity, PeerRefusalCode } from "@raftkv/protocol";
import type { Configuration, MemberEntry, Term } from "raft-ts";
import { serverId } from "raft-ts";
import { formatHostPort } from "./host-port.js";
import { clusterIdOf, saveRecord } from "./identity.js";
import type { MemberRecord, NodeRecord } from "./identity.js";
import type { NodeOptions } from "./options.js";
import { judgePeer } from "./judge-peer.js";

/** Why a peer is not talked to. */
export interface PeerRefusal {
  readonly code: PeerRefusalCode;
  readonly message: string;
}

type Members = Pick<NodeRecord, "members" | "membersIndex">;

const NONE: Members = { members: [], membersIndex: 0 };

export interface FormationContext {
  /** The newest format of the log that this node understands. */
  readonly logFormat: number;
  /** This node knows its cluster: it may take part. Once. */
  readonly onFormed: () => void;
  /** Who the members are, or where, has changed. */
  readonly onMembers: () => void;
  /** The cluster has removed this server. */
  readonly onRemoved: () => void;
}

/**
 * Who is who, and where (R25). Every node makes up its server id at random, and a new cluster forms once every member has
 * every other's id on disk: a node takes part only after all others have confirmed that they recorded it. From then on a
 * member that comes back under a known name with another id, because its disk was wiped, is refused by everyone: so it
 * cannot vote again in a term in which it voted, or forget an entry that it acknowledged.
 *
 * Afterwards the members are those of the configuration in the log (R21). The newest that is known to be committed is kept in
 * node.json and told in every handshake: so a node that joins, and one whose own log ends long ago, finds the others where
 * they are now.
 */
export class Formation {
  readonly #options: NodeOptions;
  readonly #context: FormationContext;
  #record: NodeRecord;
  /** Of the configuration in force, while that is not committed. */
  #uncommitted: Members = NONE;
  /** Servers that the committed configuration says were removed. */
  #removed: ReadonlySet<string> = new Set();
  /** Members that said they have this node's id on disk. */
  readonly #confirmedBy = new Set<string>();

  /** What each server understood when it was met last, by its id. */
  readonly #logFormats = new Map<string, number>();
  /** What the cluster's log holds, as far as this node has applied it: who understands less is refused. */
  #logFormat = LOG_FORMAT_BASE;

  constructor(options: NodeOptions, record: NodeRecord, context: FormationContext) {
    this.#options = options;
    this.#context = context;
    this.#record = record;
  }

  get record(): NodeRecord {
    return this.#record;
  }

  get formed(): boolean {
    return this.#record.clusterId !== null;
  }

  /** The members of the configuration in force and, until another one is committed, those of the one before. */
  get members(): readonly MemberRecord[] {
    const { members: newer } = this.#uncommitted;
    if (newer.length === 0) return this.#record.members;
    const names = new Set(newer.map(({ name }) => name));
    return [...newer, ...this.#record.members.filter(({ name }) => !names.has(name))];
  }

  /** The members that have not been met, or have not confirmed this node. */
  get missing(): string[] {
    return this.#record.members
      .filter(({ name }) => name !== this.#record.name)
      .filter((member) => member.serverId === null || !this.#confirmedBy.has(member.name))
      .map((member) => member.name);
  }

  member(id: string): MemberRecord | null {
    return this.members.find((member) => member.serverId === id) ?? null;
  }

  /** Where clients find a leader. */
  hintOf(server: string, term: Term): LeaderHint | null {
    const { client = null, name = "" } = this.member(server) ?? {};
    return client === null ? null : { name, address: client, term };
  }

  serverIdOf(name: string): string | null {
    return this.members.find((member) => member.name === name)?.serverId ?? null;
  }

  /** Whether a server was removed, as far as is known to be committed. */
  wasRemoved(id: string): boolean {
    return this.#removed.has(id);
  }

  /** The format that is in force in the log here. */
  get logFormat(): number {
    return this.#logFormat;
  }

  /** Another format is in force: those that do not understand it are cut. */
  logFormatRaised(format: number): void {
    this.#logFormat = format;
    this.#context.onMembers();
  }

  /** The newest format that a server understands, as it said last; null when it was not met. */
  logFormatOf(id: string): number | null {
    return id === this.#record.serverId ? this.#context.logFormat : (this.#logFormats.get(id) ?? null);
  }

  /** The members as they stand in a configuration's directory. */
  entries(): MemberEntry[] {
    return this.#record.members.map(({ client, name, peer, serverId: id, witness }) => ({
      name,
      id: id === null ? null : serverId(id),
      peer,
      client,
      witness,
      willVote: false,
    }));
  }

  /** What this node says of itself in every handshake. */
  identity(): PeerIdentity {
    const { clusterId, name, serverId: own, members, membersIndex, restored } = this.#record;
    return {
      clusterId,
      name,
      serverId: own,
      advertisePeer: formatHostPort(this.#options.advertisePeer),
      advertiseClient: formatHostPort(this.#options.advertiseClient),
      members,
      membersIndex,
      restored: restored?.source ?? null,
      logFormat: this.#context.logFormat,
    };
  }

  /** A group of one has nobody to wait for. */
  start(): void {
    if (!this.formed) this.#formWhenComplete();
  }

  /** This server takes part from now on. Durable before it does, so that it never does so again without its log. */
  begun(): void {
    if (!this.#record.begun) this.#save({ ...this.#record, begun: true });
  }

  /**
   * A configuration is in force, or has become committed (R21). What is older than what was heard from others says nothing
   * about where they are now: a node that catches up goes through all configurations that there were.
   */
  configured(configuration: Configuration, index: number, isCommitted: boolean): void {
    const directory = configuration.directory ?? null;
    if (directory === null) {
      this.#forgetUncommitted();
      return;
    }
    const own = serverId(this.#record.serverId);
    if (isCommitted) {
      this.#removed = new Set(directory.removed);
      if (directory.removed.includes(own)) {
        this.#context.onRemoved();
        return;
      }
    }
    if (index < this.#record.membersIndex) {
      this.#forgetUncommitted();
      return;
    }
    const members = directory.members.map((entry) => this.#recordOf(entry));
    this.#uncommitted = isCommitted ? NONE : { members, membersIndex: index };
    if (isCommitted && !isSame(this.#record, { members, membersIndex: index }))
      this.#save({ ...this.#record, members, membersIndex: index });
    this.#context.onMembers();
  }

  /** Durable before anything is done about it: this server does not serve again. */
  removed(): void {
    if (!this.#record.removed) this.#save({ ...this.#record, removed: true });
  }

  /** Judges what a peer says of itself, and records it durably before anything is answered. */
  meet(peer: PeerIdentity): PeerRefusal | null {
    if (this.#isReplaced(peer)) this.#context.onRemoved();
    this.#adopt(peer);
    const refusal = judgePeer(this, peer);
    if (refusal !== null) return refusal;
    this.#logFormats.set(peer.serverId, peer.logFormat);
    this.#remember(peer);
    const { name, serverId: own } = this.#record;
    if (peer.members.some((known) => known.name === name && known.serverId === own)) {
      this.#confirmedBy.add(peer.name);
    }
    if (!this.formed) this.#formWhenComplete();
    return null;
  }

  /** Members that are committed behind those that have this server are without it: it was removed, and missed that (R25). */
  #isReplaced({ clusterId, members, membersIndex }: PeerIdentity): boolean {
    const { record } = this;
    const isLater = clusterId === record.clusterId && membersIndex > record.membersIndex;
    return this.formed && isLater && !members.some((member) => member.serverId === record.serverId);
  }

  /**
   * A member of this node's cluster, or of the one that has taken this joining node in, knows of later members than this
   * node does. Both are told from who says so: they know this server by its id.
   */
  #adopt(peer: PeerIdentity): void {
    const { clusterId, membersIndex, name, serverId: own, start } = this.#record;
    const { members } = peer;
    if (peer.clusterId === null || !members.some((known) => known.name === name && known.serverId === own))
      return;
    // Who was away while the others formed the cluster, and changed it since, can meet all who formed it no more.
    const joins = clusterId === null && (start === "join" || peer.membersIndex > 0);
    if (!joins && (peer.clusterId !== clusterId || peer.membersIndex <= membersIndex)) return;
    const adopted = members.map((member) => this.#withKnownClient(member));
    const joined = { clusterId: peer.clusterId, members: adopted, membersIndex: peer.membersIndex };
    // Its log begins with nobody: who the voters were is in that of the others (R21).
    this.#save({ ...this.#record, ...joined, start: joins ? "join" : start });
    // What is committed at or behind it is in its place.
    if (peer.membersIndex >= this.#uncommitted.membersIndex) this.#uncommitted = NONE;
    this.#context.onMembers();
    if (joins) this.#context.onFormed();
  }

  /** The entry was truncated, and with it goes where it said that the others are (R21). */
  #forgetUncommitted(): void {
    if (this.#uncommitted === NONE) return;
    this.#uncommitted = NONE;
    this.#context.onMembers();
  }

  #recordOf({ client, id, name, peer, witness }: MemberEntry): MemberRecord {
    return this.#withKnownClient({ name, serverId: id, peer, client, witness });
  }

  /** What a member said of itself goes before what the others wrote down then. */
  #withKnownClient(member: MemberRecord): MemberRecord {
    const known = member.serverId === null ? null : this.member(member.serverId);
    return known?.client === null || known === null ? member : { ...member, client: known.client };
  }

  #remember(peer: PeerIdentity): void {
    const { members } = this.#record;
    const known = members.find((member) => member.name === peer.name);
    if (known === undefined || (known.serverId === peer.serverId && known.client === peer.advertiseClient))
      return;
    // Once the cluster has formed, the log says who is who.
    if (this.formed && known.serverId !== peer.serverId) return;
    this.#save({
      ...this.#record,
      members: members.map((member) =>
        member === known ? { ...member, serverId: peer.serverId, client: peer.advertiseClient } : member,
      ),
    });
    this.#context.onMembers();
  }

  #formWhenComplete(): void {
    if (this.#record.start === "join" || this.missing.length > 0) return;
    this.#save({ ...this.#record, clusterId: clusterIdOf(this.#record) });
    this.#context.onFormed();
  }

  #save(record: NodeRecord): void {
    saveRecord(this.#options.dataDir, record);
    this.#record = record;
  }
}

function isSame(one: Members, other: Members): boolean {
  return (
    one.membersIndex === other.membersIndex && JSON.stringify(one.members) === JSON.stringify(other.members)
  );
}

/** Where clients find the members that they may ask: those that have data. */
export function memberAddresses({ members }: Formation): MemberAddress[] {
  return members.flatMap(({ client, name, serverId: id, witness }) =>
    client === null || id === null || witness ? [] : [{ name, client }],
  );
}

/** What a node waits for before it can take part. */
export function whyNotFormed({ missing, record }: Formation): string {
  const { members, name, start } = record;
  if (start === "init") return `the cluster has not formed yet: waiting for ${missing.join(", ")}`;
  const peer = members.find((member) => member.name === name)?.peer ?? "HOST:PORT";
  return `this node has not joined yet: waiting to be added with \`raftkv member add ${name} --peer ${peer}\``;
}
