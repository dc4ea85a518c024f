import { endOf } from "./history.js";
import type { Operation } from "./history.js";
import type { Part } from "./weaken.js";
import { weaken } from "./weaken.js";

/**
 * Cuts the operations of one key into windows of `size` finished operations that overlap by half, from the oldest on.
 * To each window belong, without their answers, all operations that may have taken effect within it: those of unknown
 * outcome, and those that overlap with its first or last ones.
 */
export function* windows<O extends Operation>(operations: readonly O[], size: number): Generator<Part<O>> {
  const done = operations.filter((operation) => operation.outcome === "ok");
  const open = operations.filter((operation) => operation.outcome === "unknown");
  /** For each operation the latest return up to it: how far back one has to look for overlaps. */
  const latest: number[] = [];
  for (const operation of done) latest.push(Math.max(latest.at(-1) ?? 0, endOf(operation)));
  for (let from = 0; from < done.length; from += size >>> 1) {
    const window = done.slice(from, from + size);
    const begin = (done[from] as O).call;
    const end = Math.max(...window.map(endOf));
    const overlapping: O[] = [];
    for (let index = from - 1; index >= 0 && (latest[index] as number) >= begin; index -= 1)
      if (endOf(done[index] as O) >= begin) overlapping.push(done[index] as O);
    for (let index = from + size; index < done.length && (done[index] as O).call <= end; index += 1)
      overlapping.push(done[index] as O);
    const earlier = open.filter((operation) => operation.call <= end);
    const parts = [...window, ...earlier, ...overlapping.map(weaken)];
    yield { operations: parts.sort((a, b) => a.call - b.call), isFromStart: from === 0 };
  }
}
