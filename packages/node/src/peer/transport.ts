import { serverId } from "raft-ts";
import type { ServerId } from "raft-ts";
import { LANES, decodeDataMessage, decodePeerFrame } from "@raftkv/protocol";
import type {
  Lane,
  PackedFrame,
  PeerFrame,
  PeerHello,
  PeerIdentity,
  SnapshotMessage,
  StateHashMessage,
} from "@raftkv/protocol";
import type { Formation } from "../formation.js";
import type { MemberRecord } from "../identity.js";
import { largestWriteBytes } from "../group/inflight-bytes.js";
import type { Logger } from "../logger.js";
import type { NodeOptions } from "../options.js";
import type { AcceptedPeers } from "../metrics/peer-metrics.js";
import { PeerAcceptor } from "./acceptor.js";
import { LaneConnection } from "./lane.js";

/** What one frame between members may hold: ample for Raft's largest message and for the largest single entry. */
function peerFrameBytesMax(options: NodeOptions): number {
  return Math.max(64 * 1024 * 1024, 2 * largestWriteBytes(options));
}

export interface TransportOptions {
  readonly options: NodeOptions;
  readonly formation: Formation;
  readonly logger: Logger;
  readonly onFrame: (frame: PeerFrame) => void;
  readonly onDataMessage: (peer: ServerId, message: SnapshotMessage | StateHashMessage) => void;
  /** A peer that sent to this node does not any more. */
  readonly onConnectionLost: (peer: ServerId) => void;
  /** What was in flight to this peer may be lost. */
  readonly onUnreachable: (peer: ServerId) => void;
  /** A node answered at the address that the members' list has for it. */
  readonly onMet: (peer: PeerIdentity, address: string) => void;
  /** A member said that this server was removed. */
  readonly onRemoved: () => void;
}

/** The lanes to one member. */
interface Link {
  readonly address: string;
  /** What the committed members say of it: when that changes, the handshakes have something new to tell. */
  serverId: string | null;
  readonly lanes: Readonly<Record<Lane, LaneConnection>>;
}

/** The connections between the members: every lane dialled to each of the others, and taken from each. */
export class PeerTransport {
  readonly #options: TransportOptions;
  readonly #acceptor: PeerAcceptor;
  readonly #links = new Map<string, Link>();
  #closed = false;

  constructor(transportOptions: TransportOptions) {
    this.#options = transportOptions;
    const { options, formation, logger, onConnectionLost } = transportOptions;
    this.#acceptor = new PeerAcceptor({
      listen: options.listenPeer,
      limits: {
        handshakeMs: options.handshakeTimeoutMs,
        waiting: options.maxWaitingPeers,
        frameBytes: peerFrameBytesMax(options),
      },
      logRepeatMs: options.logRepeatMs,
      logger,
      identity: () => formation.identity(),
      meet: (peer) => formation.meet(peer),
      onGreeted: (peer) => this.#links.get(peer.name)?.lanes[peer.lane].hurry(),
      onFrame: (peer, bytes) => {
        // The handshake named another cluster, or was made before the cluster formed: not a member's word (R25).
        if (peer.clusterId === null || peer.clusterId !== formation.record.clusterId) return;
        this.#received(peer, bytes);
      },
      // Heartbeats come over the control lane: its end is the first sign of a leader that died (R4).
      onLost: (peer) => {
        if (peer.lane === "control") onConnectionLost(serverId(peer.serverId));
      },
    });
  }

  async listen(): Promise<void> {
    await this.#acceptor.listen();
  }

  /**
   * Dials everyone else, and goes on doing so: to be called at the start, and whenever the members have changed. Who is no
   * member any more is cut.
   */
  connect(): void {
    if (this.#closed) return;
    const { formation } = this.#options;
    const { members, record } = formation;
    const wanted = new Map(members.map((member) => [member.name, member]));
    wanted.delete(record.name);
    for (const [name, { address, lanes }] of this.#links) {
      if (wanted.get(name)?.peer === address) continue;
      for (const lane of LANES) lanes[lane].close();
      this.#links.delete(name);
    }
    for (const member of wanted.values()) this.#link(member);
    if (!formation.formed) return;
    this.#acceptor.cut(
      (peer) =>
        peer.clusterId === record.clusterId &&
        (formation.member(peer.serverId) === null || peer.logFormat < formation.logFormat),
    );
  }

  /** Every handshake is made again, with the cluster's id in it: what comes over an older one is not taken (R25). */
  formed(): void {
    for (const [name, link] of this.#links) {
      link.serverId = this.#committedIdOf(name);
      for (const lane of LANES) link.lanes[lane].redial();
    }
  }

  /** What has come to the peer address. */
  get accepted(): AcceptedPeers {
    return this.#acceptor;
  }

  /** Whether what is sent to this peer goes out. */
  reaches(peer: ServerId): boolean {
    const member = this.#options.formation.member(peer);
    return member !== null && this.#links.get(member.name)?.lanes.control.up === true;
  }

  /** What a server understands; null for one that is out of reach: nobody knows what it will be when it comes back. */
  logFormatOf(server: ServerId): number | null {
    const { formation } = this.#options;
    const isHere = server === formation.record.serverId || this.reaches(server);
    return isHere ? formation.logFormatOf(server) : null;
  }

  /** Drops the bytes when there is no connection: Raft repeats what matters. */
  send(peer: ServerId, lane: Lane, frame: PackedFrame): void {
    const member = this.#options.formation.member(peer);
    if (member !== null) this.#links.get(member.name)?.lanes[lane].send(frame);
  }

  /** Takes no part in Raft any more: others see that at once. What is left is a lane to say why. */
  leave(): void {
    this.#closed = true;
    for (const { lanes } of this.#links.values()) {
      lanes.control.close();
      lanes.bulk.close();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { lanes } of this.#links.values()) for (const lane of LANES) lanes[lane].close();
    await this.#acceptor.close();
  }

  #link(member: MemberRecord): void {
    const { formation } = this.#options;
    const serverId = this.#committedIdOf(member.name);
    const link = this.#links.get(member.name);
    if (link === undefined) {
      const lanes = {
        control: this.#lane(member, "control"),
        bulk: this.#lane(member, "bulk"),
        snapshot: this.#lane(member, "snapshot"),
      };
      this.#links.set(member.name, { address: member.peer, serverId, lanes });
      for (const lane of LANES) lanes[lane].dial();
      return;
    }
    if (link.serverId === serverId || !formation.formed) return;
    link.serverId = serverId;
    for (const lane of LANES) link.lanes[lane].redial();
  }

  #committedIdOf(name: string): string | null {
    return this.#options.formation.record.members.find((member) => member.name === name)?.serverId ?? null;
  }

  #received(peer: PeerHello, bytes: Buffer): void {
    const { formation, onDataMessage, onFrame } = this.#options;
    const from = serverId(peer.serverId);
    if (peer.lane === "snapshot") onDataMessage(from, decodeDataMessage(bytes));
    else onFrame(decodePeerFrame(bytes, { from, to: serverId(formation.record.serverId) }));
  }

  #lane(member: MemberRecord, lane: Lane): LaneConnection {
    const { options, formation, logger, onMet, onRemoved, onUnreachable } = this.#options;
    return new LaneConnection({
      lane,
      name: formation.record.name,
      peerName: member.name,
      address: member.peer,
      frameBytesMax: peerFrameBytesMax(options),
      logger,
      identity: () => formation.identity(),
      meet: (peer) => {
        const refusal = formation.meet(peer);
        if (refusal === null) onMet(peer, member.peer);
        return refusal?.message ?? null;
      },
      onRefused: (code) => {
        if (code === "REMOVED") onRemoved();
      },
      onUp: () => logger.debug({ peer: member.name, lane }, `connected to ${member.name}`),
      onDown: () => {
        logger.info({ peer: member.name, lane }, `lost the connection to ${member.name}`);
        const id = formation.serverIdOf(member.name);
        if (lane === "bulk" && id !== null) onUnreachable(serverId(id));
      },
    });
  }
}
