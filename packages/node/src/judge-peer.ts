import type { PeerIdentity, PeerMember } from "@raftkv/protocol";
import type { Formation, PeerRefusal } from "./formation.js";
import type { NodeRecord } from "./identity.js";

/** Whether a peer is who it says, as far as this node knows (R25); null when it is talked to. */
export function judgePeer(formation: Formation, peer: PeerIdentity): PeerRefusal | null {
  const { record } = formation;
  const known = formation.members.find((member) => member.name === peer.name);
  if (record.clusterId !== null && peer.clusterId !== null && record.clusterId !== peer.clusterId) {
    return {
      code: "WRONG_CLUSTER",
      message: `${record.name} is of cluster ${record.clusterId}, ${peer.name} is of ${peer.clusterId}`,
    };
  }
  // Once it has formed, what it began with is in its members' logs, and in the cluster's id.
  const source = record.restored?.source ?? null;
  if (record.clusterId === null && peer.clusterId === null && source !== peer.restored) {
    return {
      code: "WRONG_CLUSTER",
      message:
        `${record.name} ${beginning(source)}, ${peer.name} ${beginning(peer.restored)}: ` +
        "all members of a cluster begin with the same snapshot, restored with the same options, or with none",
    };
  }
  const isKnownThere = peer.members.some((member) => member.serverId === record.serverId);
  if (record.clusterId === null && record.start === "init" && peer.membersIndex > 0 && !isKnownThere) {
    return {
      code: "WRONG_CLUSTER",
      message:
        `the cluster of ${peer.name} has formed, and ${record.name} was started with --init, for a new one: ` +
        "start it with --join, in an empty directory",
    };
  }
  if (formation.wasRemoved(peer.serverId)) {
    return {
      code: "REMOVED",
      message: `${peer.name}, server ${peer.serverId}, was removed from the cluster`,
    };
  }
  if (formation.formed && peer.logFormat < formation.logFormat) {
    return {
      code: "UNSUPPORTED_VERSION",
      message:
        `the log of the cluster has format ${formation.logFormat}, ` +
        `and ${peer.name} understands formats up to ${peer.logFormat}: start it with a newer version`,
    };
  }
  const refusal = known === undefined || peer.name === record.name ? unknown(formation, peer) : null;
  return refusal ?? changed(record, known ?? null, peer);
}

function unknown(formation: Formation, peer: PeerIdentity): PeerRefusal | null {
  const { record, members } = formation;
  // A cluster that has this node as a member to come may be one whose members it was not told.
  const expectsThis = peer.members.some(({ name }) => name === record.name);
  if (!formation.formed && record.start === "join" && peer.clusterId !== null && expectsThis) return null;
  const add =
    formation.formed && peer.clusterId === null && peer.name !== record.name
      ? `; to add it: raftkv member add ${peer.name} --peer ${peer.advertisePeer}`
      : "";
  const names = members.map((member) => member.name).join(", ");
  return {
    code: "UNKNOWN_MEMBER",
    message: `${record.name} knows no member "${peer.name}": its members are ${names}${add}`,
  };
}

function changed(own: NodeRecord, known: PeerMember | null, peer: PeerIdentity): PeerRefusal | null {
  if (known !== null && known.serverId !== null && known.serverId !== peer.serverId) {
    return {
      code: "IDENTITY_CHANGED",
      message:
        `${own.name} knows ${peer.name} as server ${known.serverId}, now it is ${peer.serverId}: ` +
        "its data directory was replaced, and with it went what it had promised",
    };
  }
  const there = peer.members.find((member) => member.name === own.name);
  if (there !== undefined && there.serverId !== null && there.serverId !== own.serverId) {
    return {
      code: "IDENTITY_CHANGED",
      message:
        `${peer.name} knows ${own.name} as server ${there.serverId}, now it is ${own.serverId}: ` +
        "its data directory was replaced, and with it went what it had promised",
    };
  }
  // A member that was added and is met for the first time. Those that form a cluster compare their lists by its id.
  const itself = peer.members.find((member) => member.name === peer.name);
  if (own.clusterId !== null && known?.serverId === null && itself !== undefined) {
    if (itself.witness === known.witness) return null;
    return {
      code: "WRONG_KIND",
      message: known.witness
        ? `${peer.name} was added as a witness, and is none: start it with --witness, in an empty directory`
        : `${peer.name} was added with data, and is a witness: start it without --witness, in an empty directory`,
    };
  }
  return null;
}

function beginning(source: string | null): string {
  return source === null ? "begins empty" : `was restored from ${source}`;
}
