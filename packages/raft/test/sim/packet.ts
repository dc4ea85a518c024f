import type { LogBase, Message, ServerId } from "../../dist/core/index.js";
import type { SimBase, SimEntry } from "./entry.js";
import type { Machine } from "./machine.js";

/** The state machine at an index, with what a log behind it begins with. */
export interface Snapshot extends SimBase {
  readonly machine: Machine;
}

/** A message of the core, with the bodies that the shell put into it. */
export interface CorePacket {
  readonly kind: "core";
  readonly from: ServerId;
  readonly to: ServerId;
  readonly message: Message;
  readonly entries: readonly SimEntry[];
  /** Of the base that an `installSnapshot` names. */
  readonly baseChain: number;
}

/** A piece of a snapshot's data, from shell to shell. */
export interface ChunkPacket {
  readonly kind: "chunk";
  readonly from: ServerId;
  readonly to: ServerId;
  /** The message that announced it was of this term (R23). */
  readonly term: number;
  readonly transfer: number;
  readonly chunk: number;
  readonly chunks: number;
  readonly base: LogBase;
  readonly snapshot: Snapshot;
}

/** The receiver of a snapshot has all of it, or has no use for it. */
export interface ReportPacket {
  readonly kind: "report";
  readonly from: ServerId;
  readonly to: ServerId;
  readonly transfer: number;
  readonly ok: boolean;
}

export type Packet = CorePacket | ChunkPacket | ReportPacket;
