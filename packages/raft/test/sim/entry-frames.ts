import type { GroupId } from "raft-ts";
import type { SimEntry } from "./entry.js";
import { SimulationFailure } from "./failure.js";
import type { EncodeFrame, Frame } from "./wal-module.js";

/** Number of the entry, and the hash over the log up to it. */
const BODY_BYTES_MIN = 8;
const HEADER_BYTES = 32;

/**
 * Entries of a run as frames. An entry is encoded once, and all servers write the same bytes (W2). What is read back
 * must be those bytes, and then is the very entry.
 */
export class EntryFrames {
  readonly #encode: EncodeFrame;
  readonly #group: GroupId;
  readonly #entries: SimEntry[] = [];
  readonly #frames = new Map<SimEntry, Frame>();

  constructor(encode: EncodeFrame, group: GroupId) {
    this.#encode = encode;
    this.#group = group;
  }

  frameOf(entry: SimEntry): Frame {
    const known = this.#frames.get(entry);
    if (known !== undefined) return known;
    const body = Buffer.alloc(
      Math.max(BODY_BYTES_MIN, entry.bytes - HEADER_BYTES),
      `entry ${entry.index} of term ${entry.term} `,
    );
    body.writeUInt32LE(this.#entries.length, 0);
    body.writeUInt32LE(entry.chain, 4);
    const { index, kind, term } = entry;
    const frame = this.#encode({ group: this.#group, term, index, kind }, body);
    this.#entries.push(entry);
    this.#frames.set(entry, frame);
    return frame;
  }

  /** @throws {SimulationFailure} it is no entry of this run, byte for byte. */
  entryOf(frame: Frame): SimEntry {
    const number = frame.bytes.length < HEADER_BYTES + 4 ? -1 : frame.bytes.readUInt32LE(HEADER_BYTES);
    const entry = this.#entries[number];
    if (entry === undefined || !this.frameOf(entry).bytes.equals(frame.bytes)) {
      throw new SimulationFailure(
        "an entry is read as it was written (W2)",
        `what stands at ${frame.index} was never written`,
      );
    }
    return entry;
  }
}
