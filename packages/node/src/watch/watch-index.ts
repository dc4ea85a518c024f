import type { Change } from "@raftkv/store";
import { IntervalTree } from "./interval-tree.js";

/** The keys that a watch asks for, as latin1 names. */
export type WatchedKeys =
  | { readonly kind: "key"; readonly name: string }
  | { readonly kind: "range"; readonly start: string; readonly end: string | null };

/** Finds the watches that a change concerns: the work is that of the change, however many there are (F6). */
export class WatchIndex<Item extends { readonly keys: WatchedKeys }> {
  readonly #keys = new Map<string, Set<Item>>();
  readonly #ranges = new IntervalTree<Item>();

  add(item: Item): void {
    const { keys } = item;
    if (keys.kind === "range") {
      this.#ranges.add(keys.start, keys.end, item);
      return;
    }
    const others = this.#keys.get(keys.name);
    if (others === undefined) this.#keys.set(keys.name, new Set([item]));
    else others.add(item);
  }

  remove(item: Item): void {
    const { keys } = item;
    if (keys.kind === "range") {
      this.#ranges.remove(keys.start, keys.end, item);
      return;
    }
    const all = this.#keys.get(keys.name);
    if (all?.delete(item) === true && all.size === 0) this.#keys.delete(keys.name);
  }

  /** What each of those that `takes` it is to see of `changes`, in their order. */
  matching(changes: readonly Change[], takes: (item: Item, change: Change) => boolean): Map<Item, Change[]> {
    const found = new Map<Item, Change[]>();
    for (const change of changes) {
      const note = (item: Item): void => {
        if (!takes(item, change)) return;
        const before = found.get(item);
        if (before === undefined) found.set(item, [change]);
        else before.push(change);
      };
      const { buffer, byteOffset, byteLength } = change.key;
      const name = Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
      this.#keys.get(name)?.forEach(note);
      this.#ranges.around(name, note);
    }
    return found;
  }
}
