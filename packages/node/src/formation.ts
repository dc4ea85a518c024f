import type { PeerIdentity, PeerRefusalCode } from "@raftkv/protocol";
import { clusterIdOf, saveRecord } from "./identity.js";
import type { MemberRecord, NodeRecord } from "./identity.js";
import type { NodeOptions } from "./options.js";
import { formatHostPort } from "./host-port.js";

/** Why a peer is not talked to. */
export interface PeerRefusal {
  readonly code: PeerRefusalCode;
  readonly message: string;
}

/**
 * Who is who (R25). Every node makes up its server id at random, and a new cluster forms once every member has every
 * other's id on disk: a node takes part only after all others have confirmed that they recorded it. From then on a
 * member that comes back under a known name with another id, because its disk was wiped, is refused by everyone: so it
 * cannot vote again in a term in which it voted, or forget an entry that it acknowledged.
 */
export class Formation {
  readonly #options: NodeOptions;
  readonly #onFormed: () => void;
  #record: NodeRecord;
  /** Members that said they have this node's id on disk. */
  readonly #confirmedBy = new Set<string>();

  constructor(options: NodeOptions, record: NodeRecord, onFormed: () => void) {
    this.#options = options;
    this.#onFormed = onFormed;
    this.#record = record;
  }

  get record(): NodeRecord {
    return this.#record;
  }

  get formed(): boolean {
    return this.#record.clusterId !== null;
  }

  /** The members that have not been met, or have not confirmed this node. */
  get missing(): string[] {
    return this.#others()
      .filter((member) => member.serverId === null || !this.#confirmedBy.has(member.name))
      .map((member) => member.name);
  }

  member(serverId: string): MemberRecord | null {
    return this.#record.members.find((member) => member.serverId === serverId) ?? null;
  }

  serverIdOf(name: string): string | null {
    return this.#record.members.find((member) => member.name === name)?.serverId ?? null;
  }

  /** What this node says of itself in every handshake. */
  identity(): PeerIdentity {
    const { clusterId, name, serverId, members, restored } = this.#record;
    return {
      clusterId,
      name,
      serverId,
      advertisePeer: formatHostPort(this.#options.advertisePeer),
      advertiseClient: formatHostPort(this.#options.advertiseClient),
      records: members.flatMap((member) =>
        member.serverId === null ? [] : [{ name: member.name, serverId: member.serverId }],
      ),
      restored: restored?.source ?? null,
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

  /** Judges what a peer says of itself, and records it durably before anything is answered. */
  meet(peer: PeerIdentity): PeerRefusal | null {
    const refusal = this.#judge(peer);
    if (refusal !== null) return refusal;
    this.#remember(peer);
    if (
      peer.records.some(
        (known) => known.name === this.#record.name && known.serverId === this.#record.serverId,
      )
    ) {
      this.#confirmedBy.add(peer.name);
    }
    if (!this.formed) this.#formWhenComplete();
    return null;
  }

  #judge(peer: PeerIdentity): PeerRefusal | null {
    const own = this.#record;
    const known = own.members.find((member) => member.name === peer.name);
    if (known === undefined || peer.name === own.name) {
      return {
        code: "UNKNOWN_MEMBER",
        message: `${own.name} knows no member "${peer.name}": its members are ${own.members.map((m) => m.name).join(", ")}`,
      };
    }
    if (own.clusterId !== null && peer.clusterId !== null && own.clusterId !== peer.clusterId) {
      return {
        code: "WRONG_CLUSTER",
        message: `${own.name} is of cluster ${own.clusterId}, ${peer.name} is of ${peer.clusterId}`,
      };
    }
    // Once it has formed, what it began with is in its members' logs, and in the cluster's id.
    const source = own.restored?.source ?? null;
    if (own.clusterId === null && peer.clusterId === null && source !== peer.restored) {
      return {
        code: "WRONG_CLUSTER",
        message:
          `${own.name} ${beginning(source)}, ${peer.name} ${beginning(peer.restored)}: ` +
          "all members of a cluster begin with the same snapshot, restored with the same options, or with none",
      };
    }
    if (known.serverId !== null && known.serverId !== peer.serverId) {
      return {
        code: "IDENTITY_CHANGED",
        message:
          `${own.name} knows ${peer.name} as server ${known.serverId}, now it is ${peer.serverId}: ` +
          "its data directory was replaced, and with it went what it had promised",
      };
    }
    const asKnownThere = peer.records.find((record) => record.name === own.name);
    if (asKnownThere !== undefined && asKnownThere.serverId !== own.serverId) {
      return {
        code: "IDENTITY_CHANGED",
        message:
          `${peer.name} knows ${own.name} as server ${asKnownThere.serverId}, now it is ${own.serverId}: ` +
          "its data directory was replaced, and with it went what it had promised",
      };
    }
    return null;
  }

  #remember(peer: PeerIdentity): void {
    const known = this.#record.members.find((member) => member.name === peer.name);
    if (known === undefined || (known.serverId === peer.serverId && known.client === peer.advertiseClient))
      return;
    this.#save({
      ...this.#record,
      members: this.#record.members.map((member) =>
        member === known ? { ...member, serverId: peer.serverId, client: peer.advertiseClient } : member,
      ),
    });
  }

  #formWhenComplete(): void {
    if (this.#record.start === "join" || this.missing.length > 0) return;
    this.#save({ ...this.#record, clusterId: clusterIdOf(this.#record) });
    this.#onFormed();
  }

  #save(record: NodeRecord): void {
    saveRecord(this.#options.dataDir, record);
    this.#record = record;
  }

  #others(): MemberRecord[] {
    return this.#record.members.filter((member) => member.name !== this.#record.name);
  }
}

function beginning(source: string | null): string {
  return source === null ? "begins empty" : `was restored from ${source}`;
}
