import { serverId } from "raft-ts";
import type { ServerId } from "raft-ts";
import { LANES, decodePeerFrame, decodeSnapshotMessage } from "@raftkv/protocol";
import type { Lane, PeerFrame, PeerHello, SnapshotMessage } from "@raftkv/protocol";
import type { Formation } from "../formation.js";
import { largestWriteBytes } from "../group/inflight-bytes.js";
import type { Logger } from "../logger.js";
import type { NodeOptions } from "../options.js";
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
  readonly onSnapshotMessage: (peer: ServerId, message: SnapshotMessage) => void;
  /** A peer that sent to this node does not any more. */
  readonly onConnectionLost: (peer: ServerId) => void;
  /** What was in flight to this peer may be lost. */
  readonly onUnreachable: (peer: ServerId) => void;
}

/** The connections between the members: every lane dialled to each of the others, and taken from each. */
export class PeerTransport {
  readonly #options: TransportOptions;
  readonly #acceptor: PeerAcceptor;
  readonly #lanes = new Map<string, Readonly<Record<Lane, LaneConnection>>>();

  constructor(transportOptions: TransportOptions) {
    this.#options = transportOptions;
    const { options, formation, logger, onConnectionLost } = transportOptions;
    this.#acceptor = new PeerAcceptor({
      listen: options.listenPeer,
      frameBytesMax: peerFrameBytesMax(options),
      logger,
      identity: () => formation.identity(),
      meet: (peer) => formation.meet(peer),
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

  /** Dials everyone else, and goes on doing so. */
  connect(): void {
    const { name, members } = this.#options.formation.record;
    for (const member of members) {
      if (member.name === name) continue;
      const lanes = {
        control: this.#lane(member, "control"),
        bulk: this.#lane(member, "bulk"),
        snapshot: this.#lane(member, "snapshot"),
      };
      this.#lanes.set(member.name, lanes);
      for (const lane of LANES) lanes[lane].dial();
    }
  }

  /** Every handshake is made again, with the cluster's id in it: what comes over an older one is not taken (R25). */
  formed(): void {
    for (const lanes of this.#lanes.values()) for (const lane of LANES) lanes[lane].redial();
  }

  /** Drops the bytes when there is no connection: Raft repeats what matters. */
  send(peer: ServerId, lane: Lane, bytes: Buffer): void {
    const member = this.#options.formation.member(peer);
    if (member !== null) this.#lanes.get(member.name)?.[lane].send(bytes);
  }

  async close(): Promise<void> {
    for (const lanes of this.#lanes.values()) for (const lane of LANES) lanes[lane].close();
    await this.#acceptor.close();
  }

  #received(peer: PeerHello, bytes: Buffer): void {
    const { formation, onFrame, onSnapshotMessage } = this.#options;
    const from = serverId(peer.serverId);
    if (peer.lane === "snapshot") onSnapshotMessage(from, decodeSnapshotMessage(bytes));
    else onFrame(decodePeerFrame(bytes, { from, to: serverId(formation.record.serverId) }));
  }

  #lane(member: { readonly name: string; readonly peer: string }, lane: Lane): LaneConnection {
    const { options, formation, logger, onUnreachable } = this.#options;
    return new LaneConnection({
      lane,
      peerName: member.name,
      address: member.peer,
      frameBytesMax: peerFrameBytesMax(options),
      logger,
      identity: () => formation.identity(),
      meet: (peer) => formation.meet(peer)?.message ?? null,
      onUp: () => logger.debug({ peer: member.name, lane }, `connected to ${member.name}`),
      onDown: () => {
        logger.info({ peer: member.name, lane }, `lost the connection to ${member.name}`);
        const id = formation.serverIdOf(member.name);
        if (lane === "bulk" && id !== null) onUnreachable(serverId(id));
      },
    });
  }
}
