import type { LogBase, RaftEvent, ServerId, SnapshotTask, Term } from "../../dist/core/index.js";
import type { Context } from "./context.js";
import type { Command } from "./entry.js";
import { SimulationFailure } from "./failure.js";
import type { ChunkPacket, Packet, ReportPacket, Snapshot } from "./packet.js";
import type { Random } from "./random.js";

interface Incoming {
  readonly from: ServerId;
  readonly term: number;
  readonly transfer: number;
  readonly chunks: Set<number>;
}

/** What one life of a server needs of the server around it. */
export interface SnapshotHost {
  readonly id: ServerId;
  readonly bootEpoch: number;
  readonly send: (packet: Packet) => void;
  readonly step: (event: RaftEvent<Command>) => void;
  readonly isExpected: (from: ServerId, term: number) => boolean;
  /** The core takes chunks of this snapshot in. */
  readonly expected: (from: ServerId, term: number) => void;
  /** Whether this life still is. */
  readonly isAlive: () => boolean;
  /** The disk keeps the data beside the live store. */
  readonly keep: (snapshot: Snapshot) => void;
}

/** Both ends of the snapshots of one life of a server: data goes in chunks beside the core's messages (R23). */
export class Snapshots {
  readonly #context: Context;
  readonly #random: Random;
  readonly #host: SnapshotHost;
  #transfers: number;
  /** Snapshots on their way out, by number; each is reported once. */
  readonly #sending = new Map<number, ServerId>();
  #incoming: Incoming | null = null;

  constructor(context: Context, random: Random, host: SnapshotHost) {
    this.#context = context;
    this.#random = random;
    this.#host = host;
    // Numbers of different lives differ, so that a late report is taken for what it is.
    this.#transfers = host.bootEpoch * 100_000;
  }

  /** The core announced a snapshot to `to`: sends the newest there is. */
  begin(to: ServerId, term: Term, wanted: LogBase, snapshot: Snapshot): void {
    const { parameters } = this.#context;
    if (snapshot.base.index < wanted.index) {
      throw new SimulationFailure(
        "the log is never compacted past the checkpoint (S4)",
        `${this.#host.id} has a snapshot of ${snapshot.base.index}, the log begins behind ${wanted.index}`,
      );
    }
    this.#context.count("snapshotsSent");
    this.#transfers += 1;
    const transfer = this.#transfers;
    this.#sending.set(transfer, to);
    const chunks = this.#random.between(1, 4);
    const spacing = parameters.networkMicros * this.#random.magnitude(0.5, 40);
    const { id, send } = this.#host;
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      this.#after(chunk * spacing, () => {
        const { base } = snapshot;
        if (this.#sending.has(transfer))
          send({ kind: "chunk", from: id, to, term, transfer, chunk, chunks, base, snapshot });
      });
    }
    const patience = chunks * spacing + parameters.networkMicros * 20 + parameters.diskMicros * 10;
    this.#after(patience + this.#random.below(patience), () => this.#report(transfer, false));
  }

  reported(packet: ReportPacket): void {
    if (this.#sending.get(packet.transfer) === packet.from) this.#report(packet.transfer, packet.ok);
  }

  task(task: SnapshotTask): void {
    if (task.kind !== "install") this.#incoming = null;
  }

  received(packet: ChunkPacket): void {
    const { from, term, transfer, chunk, chunks, snapshot } = packet;
    const reply = (ok: boolean): void =>
      this.#host.send({ kind: "report", from: this.#host.id, to: from, transfer, ok });
    if (!this.#host.isExpected(from, term)) {
      this.#context.marks.hit("chunkRefused");
      reply(false);
      return;
    }
    this.#host.expected(from, term);
    let incoming = this.#incoming;
    if (
      incoming === null ||
      incoming.from !== from ||
      incoming.term !== term ||
      incoming.transfer !== transfer
    ) {
      incoming = { from, term, transfer, chunks: new Set() };
      this.#incoming = incoming;
    }
    incoming.chunks.add(chunk);
    if (incoming.chunks.size < chunks) return;
    this.#incoming = null;
    // Complete: it is verified and made durable beside the live store before the core hears of it.
    this.#after(this.#random.magnitude(1, 4) * this.#context.parameters.diskMicros, () => {
      this.#host.keep(snapshot);
      this.#host.step({ kind: "snapshotReceived", from, term: term as Term, base: snapshot.base });
      reply(true);
    });
  }

  #report(transfer: number, ok: boolean): void {
    const peer = this.#sending.get(transfer);
    if (peer === undefined) return;
    this.#sending.delete(transfer);
    this.#host.step({ kind: "snapshotReported", peer, ok });
  }

  #after(delayMicros: number, run: () => void): void {
    this.#context.after(delayMicros, () => {
      if (this.#host.isAlive()) run();
    });
  }
}
