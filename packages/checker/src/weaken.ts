import { endOf } from "./history.js";
import type { Operation } from "./history.js";

/**
 * A part of one key's history, in which every operation that reaches beyond the part has lost its answer. Taking away an
 * answer only allows more: so when the part is impossible, the whole is.
 */
export interface Part<O extends Operation> {
  readonly operations: readonly O[];
  /** Whether the part begins with the history; otherwise it begins in a state of which nothing is known. */
  readonly isFromStart: boolean;
}

/** The operation without its answer: it may take effect at any time after its call, or never. */
export function weaken<O extends Operation>(operation: O): O {
  return { ...operation, outcome: "unknown", return: null };
}

/** What was known when the answer at `position` had come. */
export function cutAt<O extends Operation>(operations: readonly O[], position: number): O[] {
  return operations
    .filter((operation) => operation.call <= position)
    .map((operation) => (endOf(operation) <= position ? operation : weaken(operation)));
}

/** What happened from `position` on. What had been called before, but had not ended, may have happened before. */
export function cutBefore<O extends Operation>(operations: readonly O[], position: number): O[] {
  return operations
    .filter((operation) => endOf(operation) >= position)
    .map((operation) => (operation.call >= position ? operation : weaken(operation)));
}
