import type { SmallState } from "./checkpoint-file.js";
import { nextTurn } from "./latest-scan.js";

/**
 * The small state as of the moment in which it was asked for, slice by slice: the name of a piece and the next bytes of it, all of a piece
 * one after the other. Each slice takes a short time to make (C5).
 */
export type SmallStateSlices = Iterable<readonly [name: string, bytes: Uint8Array]>;

/** So many bytes are copied, or hashed, in one turn of the event loop: a few milliseconds at most (C5). */
const BYTES_PER_TURN = 1024 * 1024;

/** Takes the slices to the end, one in a turn of the event loop, and the first at once. */
export async function collectState(slices: SmallStateSlices): Promise<SmallState> {
  const pieces = new Map<string, Uint8Array[]>();
  for (const [name, bytes] of slices) {
    const before = pieces.get(name);
    if (before === undefined) pieces.set(name, [bytes]);
    else before.push(bytes);
    await nextTurn();
  }
  const state = new Map<string, Uint8Array>();
  for (const [name, parts] of pieces) state.set(name, await joined(parts));
  return state;
}

/** Bytes in parts that are short enough for one turn each; the turns are to be taken in between. */
export function* shortParts(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += BYTES_PER_TURN) yield bytes.subarray(at, at + BYTES_PER_TURN);
}

async function joined(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let [at, turnEndsAt] = [0, BYTES_PER_TURN];
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    if (at < turnEndsAt) continue;
    turnEndsAt = at + BYTES_PER_TURN;
    await nextTurn();
  }
  return whole;
}
