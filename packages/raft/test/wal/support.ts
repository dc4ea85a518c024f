import { encodeFrame, groupId, logIndex, LogWriter, serverId, term } from "raft-ts";
import type { Configuration, Frame, GroupId, HardState, LogBase, LogBatch, LogWriterOptions } from "raft-ts";

export const GROUP = groupId(1);
export const DIR = "wal";

export const CONFIGURATION: Configuration = {
  voters: [serverId("a"), serverId("b"), serverId("c")],
  outgoing: [],
  learners: [],
  witnesses: [],
  autoLeave: false,
};

export function entry(index: number, inTerm = 1, bodyBytes = 40, group: GroupId = GROUP): Frame {
  const body = Buffer.alloc(bodyBytes, `${group}/${inTerm}/${index} `);
  return encodeFrame({ group, term: term(inTerm), index: logIndex(index), kind: "command" }, body);
}

/** Entries [from, to). */
export function entries(
  from: number,
  to: number,
  inTerm = 1,
  bodyBytes = 40,
  group: GroupId = GROUP,
): Frame[] {
  const frames: Frame[] = [];
  for (let index = from; index < to; index += 1) frames.push(entry(index, inTerm, bodyBytes, group));
  return frames;
}

export function batch(frames: readonly Frame[], more: Partial<LogBatch> = {}): LogBatch {
  return { group: frames[0]?.group ?? GROUP, hardState: null, base: null, entries: frames, ...more };
}

export function hardState(inTerm: number, votedFor: string | null): HardState {
  return { currentTerm: term(inTerm), votedFor: votedFor === null ? null : serverId(votedFor) };
}

export function base(index: number, inTerm: number, configuration = CONFIGURATION): LogBase {
  return { index: logIndex(index), term: term(inTerm), configuration };
}

/** Resolves when `seq` is durable. */
export function durable(writer: LogWriter, seq: number): Promise<void> {
  return new Promise((resolve, reject) => {
    writer.durability.wait(seq, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Appends and waits until it is durable. */
export function commit(writer: LogWriter, toAppend: LogBatch): Promise<void> {
  return durable(writer, writer.append(toAppend));
}

/** A log of small segments that seals when it is closed, or when told by its options. */
export function openLog(options: Partial<LogWriterOptions> = {}): Promise<LogWriter> {
  return LogWriter.open({ dir: DIR, segmentBytes: 16_384, sealAfterMs: 60_000, ...options });
}

/** Everything above the base, read in pieces of `maxBytes`. */
export async function readAll(writer: LogWriter, group: GroupId = GROUP, maxBytes = 4096): Promise<Frame[]> {
  const stats = writer.stats().groups.find((found) => found.group === group);
  const frames: Frame[] = [];
  if (stats === undefined) return frames;
  for (let from = stats.firstIndex; from < stats.nextIndex;) {
    const read = await writer.read(
      group,
      { from: logIndex(from), to: logIndex(stats.nextIndex) },
      { maxBytes },
    );
    frames.push(...read);
    from += read.length;
  }
  return frames;
}

/** Entries as "term/index", with their bodies compared as well where it matters. */
export function names(frames: readonly Frame[]): string[] {
  return frames.map((frame) => `${frame.term}/${frame.index}`);
}

/** Waits for a condition that comes true by itself; fails after five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets everything that is ready run: microtasks, and what they began. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The error that `promise` fails with; fails itself when it does not. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

/** A small generator with a seed, so that a failing run can be repeated. */
export function random(seed: number): (below: number) => number {
  let state = (seed * 2 + 1) >>> 0;
  return (below) => {
    // Xorshift: enough to spread choices, and the same everywhere.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
