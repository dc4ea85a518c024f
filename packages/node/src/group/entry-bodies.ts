import {
  FRAME_HEADER_BYTES,
  InvariantViolation,
  decodeConfiguration,
  encodeConfiguration,
  encodeFrame,
  frameSize,
  logIndex,
  readFrames,
  sealFrame,
} from "raft-ts";
import type {
  AppendedProposals,
  Configuration,
  ConfigurationAt,
  EntryShapes,
  Frame,
  GroupId,
  LogIndex,
  TermRun,
} from "raft-ts";
import { encodeInto } from "@raftkv/fsm";
import type { LogProposal } from "./log-proposal.js";

/** Entries that cannot follow each other as a peer sent them. The connection is cut (C6). */
export class BadEntriesError extends Error {
  override readonly name = "BadEntriesError";
  readonly code = "BAD_ENTRIES";
}

/**
 * The bodies that belong to the shapes in the core, from the moment when they arrive (proposed or received) until the
 * log has taken them.
 */
export class EntryBodies {
  readonly #group: GroupId;
  /** In order of arrival; each ascending and without gaps. */
  #staged: Frame[][] = [];

  constructor(group: GroupId) {
    this.#group = group;
  }

  /**
   * Encodes what was appended, all into one slab: so the log writes it, and the peers get it, as one piece (W2).
   * From here on these bytes are never encoded again. Commands carry `stampMs`, the leader's log time (F5).
   */
  encode(appended: AppendedProposals<LogProposal>, stampMs: number): void {
    const { firstIndex, term, proposals, kind, configuration } = appended;
    if (kind !== "command") {
      const body = Buffer.from(configuration === null ? "" : encodeConfiguration(configuration));
      this.#staged.push([encodeFrame({ group: this.#group, term, index: firstIndex, kind }, body)]);
      return;
    }
    let bytes = 0;
    for (const proposal of proposals) bytes += proposal.bytes;
    const slab = Buffer.allocUnsafeSlow(bytes);
    const frames: Frame[] = [];
    let offset = 0;
    let index = firstIndex;
    for (const proposal of proposals) {
      encodeInto(proposal.command, proposal.envelope, stampMs, slab, offset + FRAME_HEADER_BYTES);
      const header = { group: this.#group, term, index, kind };
      frames.push(sealFrame(slab, offset, proposal.bytes - FRAME_HEADER_BYTES, header));
      offset += proposal.bytes;
      index = logIndex(index + 1);
    }
    this.#staged.push(frames);
  }

  /**
   * Takes in the frames of an append that came over the wire: one copy, since the network's buffer is not ours (J),
   * and every checksum verified (W2).
   * @throws {FrameError | BadEntriesError} what was sent is not what it claims to be.
   */
  receive(from: LogIndex, bytes: Buffer): EntryShapes {
    if (bytes.length === 0) return { from, to: from, runs: [], sizes: [], configurations: [] };
    const slab = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(slab);
    const frames = readFrames(slab);
    const shapes = shapesOf(frames, from, this.#group);
    this.#staged.push(frames);
    return shapes;
  }

  /** The frames that a write names, by index and term: the last of that name is the one that the core took. */
  collect(runs: readonly TermRun[]): Frame[] {
    const only = this.#staged.length === 1 ? this.#staged[0] : undefined;
    const run = runs[0];
    if (
      only !== undefined &&
      runs.length === 1 &&
      only[0]?.index === run?.from &&
      only.at(-1)?.index === (run?.to ?? 0) - 1
    ) {
      return only;
    }
    const frames: Frame[] = [];
    for (const each of runs) this.#addRun(frames, each);
    return frames;
  }

  /** The log has taken what it needs; the rest was refused by the core. */
  clear(): void {
    this.#staged = [];
  }

  /** Several appends that came in one turn are written together, thousands of entries at times: taken by the piece. */
  #addRun(frames: Frame[], { term, from, to }: TermRun): void {
    for (let index = from; index < to;) {
      const at = this.#stagedWith(index, term);
      const staged = this.#staged[at] ?? [];
      const first = firstIndexOf(staged);
      // Up to where one begins that came later.
      let until = to;
      for (let later = at + 1; later < this.#staged.length; later += 1) {
        const begin = firstIndexOf(this.#staged[later] ?? []);
        if (begin > index && begin < until) until = begin;
      }
      for (; index < until; index = logIndex(index + 1)) {
        const frame = staged[index - first];
        if (frame?.term !== term) break;
        frames.push(frame);
      }
    }
  }

  /** Where the last one stands that came with this index and term. */
  #stagedWith(index: LogIndex, term: number): number {
    for (let at = this.#staged.length - 1; at >= 0; at -= 1) {
      const staged = this.#staged[at] ?? [];
      if (staged[index - firstIndexOf(staged)]?.term === term) return at;
    }
    throw new InvariantViolation(`the body of entry ${index} of term ${term} is at hand when it is written`);
  }
}

/** They ascend without gaps, so it tells where each of them stands. */
function firstIndexOf(frames: readonly Frame[]): LogIndex {
  return frames[0]?.index ?? logIndex(0);
}

/** The bytes that an entry takes for a command of `commandBytes`. */
export function entryBytes(commandBytes: number): number {
  return frameSize(commandBytes);
}

/**
 * What the core needs to know of frames that follow each other.
 * @throws {BadEntriesError} they are of another group, or do not ascend without gaps from `from`.
 */
export function shapesOf(frames: readonly Frame[], from: LogIndex, group: GroupId): EntryShapes {
  const runs: { term: Frame["term"]; from: LogIndex; to: LogIndex }[] = [];
  const sizes: number[] = [];
  const configurations: ConfigurationAt[] = [];
  let index = from;
  for (const frame of frames) {
    if (frame.index !== index)
      throw new BadEntriesError(`entry ${frame.index} stands where ${index} belongs`);
    if (frame.group !== group)
      throw new BadEntriesError(`an entry of group ${frame.group} came to group ${group}`);
    const run = runs.at(-1);
    index = logIndex(index + 1);
    if (run?.term === frame.term) run.to = index;
    else {
      if (run !== undefined && run.term > frame.term) {
        throw new BadEntriesError(
          `entry ${frame.index} is of term ${frame.term}, the one before of ${run.term}`,
        );
      }
      runs.push({ term: frame.term, from: frame.index, to: index });
    }
    sizes.push(frame.size);
    if (frame.kind === "configuration") {
      configurations.push({ index: frame.index, configuration: configurationOf(frame) });
    }
  }
  return { from, to: index, runs, sizes, configurations };
}

/** @throws {TypeError} its checksum matched, so a newer version wrote it. */
export function configurationOf(frame: Frame): Configuration {
  return decodeConfiguration(frame.body.toString("utf8"));
}
