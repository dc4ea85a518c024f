/** One range and everybody who asked for it; a node of the tree. */
interface Branch<Item> {
  readonly start: string;
  /** Null: no upper bound. */
  readonly end: string | null;
  readonly items: Set<Item>;
  /** No child has a higher one: that keeps the tree flat, whatever the order in which ranges come. */
  readonly priority: number;
  /** The largest end in this branch and below it; null when one has no upper bound. */
  reach: string | null;
  left: Tree<Item>;
  right: Tree<Item>;
}
type Tree<Item> = Branch<Item> | null;

/**
 * Ranges [start, end) of keys as latin1 names, whose order is that of their bytes. A treap ordered by start and end in
 * which every branch knows how far it reaches: to find the ranges around a key, or that there are none, takes
 * O(log n) steps and those that it finds.
 */
export class IntervalTree<Item> {
  #root: Tree<Item> = null;
  #made = 0;

  add(start: string, end: string | null, item: Item): void {
    this.#root = this.#insert(this.#root, start, end, item);
  }

  remove(start: string, end: string | null, item: Item): void {
    this.#root = without(this.#root, start, end, item);
  }

  /** Calls `visit` for each item whose range holds `name`. Neither added nor removed meanwhile. */
  around(name: string, visit: (item: Item) => void): void {
    visitAround(this.#root, name, visit);
  }

  #insert(branch: Tree<Item>, start: string, end: string | null, item: Item): Branch<Item> {
    if (branch === null) {
      this.#made += 1;
      const priority = scatter(this.#made);
      return { start, end, items: new Set([item]), priority, reach: end, left: null, right: null };
    }
    const order = compare(start, end, branch);
    if (order === 0) {
      branch.items.add(item);
      return branch;
    }
    if (order < 0) {
      const left = this.#insert(branch.left, start, end, item);
      branch.left = left;
      if (left.priority > branch.priority) {
        branch.left = left.right;
        left.right = reaching(branch);
        return reaching(left);
      }
    } else {
      const right = this.#insert(branch.right, start, end, item);
      branch.right = right;
      if (right.priority > branch.priority) {
        branch.right = right.left;
        right.left = reaching(branch);
        return reaching(right);
      }
    }
    return reaching(branch);
  }
}

function without<Item>(branch: Tree<Item>, start: string, end: string | null, item: Item): Tree<Item> {
  if (branch === null) return null;
  const order = compare(start, end, branch);
  if (order === 0) {
    branch.items.delete(item);
    return branch.items.size > 0 ? branch : joined(branch.left, branch.right);
  }
  if (order < 0) branch.left = without(branch.left, start, end, item);
  else branch.right = without(branch.right, start, end, item);
  return reaching(branch);
}

/** Every range in `low` comes before every one in `high`. */
function joined<Item>(low: Tree<Item>, high: Tree<Item>): Tree<Item> {
  if (low === null) return high;
  if (high === null) return low;
  if (low.priority > high.priority) {
    low.right = joined(low.right, high);
    return reaching(low);
  }
  high.left = joined(low, high.left);
  return reaching(high);
}

function visitAround<Item>(branch: Tree<Item>, name: string, visit: (item: Item) => void): void {
  if (branch === null || (branch.reach !== null && branch.reach <= name)) return;
  visitAround(branch.left, name, visit);
  if (branch.start > name) return;
  if (branch.end === null || name < branch.end) branch.items.forEach(visit);
  visitAround(branch.right, name, visit);
}

/** After a change below it. */
function reaching<Item>(branch: Branch<Item>): Branch<Item> {
  branch.reach = further(further(branch.end, branch.left), branch.right);
  return branch;
}

function further<Item>(reach: string | null, below: Tree<Item>): string | null {
  if (reach === null || below === null) return reach;
  return below.reach === null || below.reach > reach ? below.reach : reach;
}

function compare(start: string, end: string | null, branch: Branch<unknown>): number {
  if (start !== branch.start) return start < branch.start ? -1 : 1;
  if (end === branch.end) return 0;
  return branch.end === null || (end !== null && end < branch.end) ? -1 : 1;
}

/** As good as random, and the same in every run (the mixing step of SplitMix). */
function scatter(n: number): number {
  let mixed = Math.imul(n, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
