import { NONE } from "./version.js";
import type { Version } from "./version.js";

/**
 * How a version finds its ancestors in O(log n) steps although each is written once and never touched again.
 *
 * The versions of a key are the nodes of complete binary trees in a list, as in Myers' "An applicative random-access
 * stack" (1983): a tree of rank r has 2^(r+1) - 1 nodes, its root is its newest, and the list is sorted, newest tree
 * first. Where the two newest trees have one rank, the next version becomes the root over both; otherwise it is a
 * tree of its own. Each version stores the list as it was when the version was written: its own rank, then the
 * roots of the older trees. A key's first version has none, and so has its third.
 */
export interface Ancestry {
  readonly rank: number;
  /** Pairs (rank, revision). */
  readonly roots: readonly number[];
}

const FIRST: Ancestry = Object.freeze({ rank: 0, roots: NONE });

/** The place of a version that follows `previous`. */
export function ancestryAfter(previous: Version | null): Ancestry {
  if (previous === null) return FIRST;
  const { rank, roots, modRevision } = previous;
  if (roots.length > 0 && roots[0] === rank) return { rank: rank + 1, roots: roots.slice(2) };
  return { rank: 0, roots: [rank, modRevision, ...roots] };
}

/**
 * The next step from a version that is newer than `revision` to the key's newest at or below it: the oldest root
 * that is still newer, else the version before. 0 when the key had no version by then.
 */
export function stepBack(from: Version, revision: number): number {
  const { roots } = from;
  for (let i = roots.length - 1; i > 0; i -= 2) {
    const root = roots[i] ?? 0;
    if (root > revision) return root;
  }
  return from.previous;
}
