/** - `ww`: wrote what the other overwrites. `wr`: wrote what the other read. `rw`: read what the other overwrote. */
export type DependencyKind = "ww" | "wr" | "rw" | "realtime";

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: DependencyKind;
  /** The list that the dependency is about; `null` for one of time. */
  readonly key: string | null;
}

/**
 * Which transactions must come before which. Nodes below `transactions` are those; nodes from there on stand for
 * "everything behind here", so that n transactions before m others need n + m edges, not n · m. An edge that leaves such a node
 * continues the one that came in: paths count by the transactions on them.
 */
export class DependencyGraph {
  readonly transactions: number;
  readonly #out: Edge[][] = [];
  #size: number;

  constructor(transactions: number) {
    this.transactions = transactions;
    this.#size = transactions;
  }

  get size(): number {
    return this.#size;
  }

  addNode(): number {
    this.#size += 1;
    return this.#size - 1;
  }

  add(from: number, to: number, kind: DependencyKind, key: string | null): void {
    if (from === to) return;
    const edge = { from, to, kind, key };
    const edges = this.#out[from];
    if (edges === undefined) this.#out[from] = [edge];
    else edges.push(edge);
  }

  /** From each of `sources` to each of `targets` but itself. */
  addAll(sources: readonly number[], targets: readonly number[], kind: DependencyKind, key: string): void {
    if (sources.length * targets.length <= 4 * (sources.length + targets.length)) {
      for (const from of sources) for (const to of targets) this.add(from, to, kind, key);
      return;
    }
    // `heads[i]` leads to all targets up to i, `tails[i]` to all from i on: so each source can leave itself out.
    const heads = targets.map(() => this.addNode());
    const tails = targets.map(() => this.addNode());
    const places = new Map<number, number>();
    for (const [at, target] of targets.entries()) {
      places.set(target, at);
      for (const row of [heads, tails]) this.add(row[at] as number, target, kind, key);
      if (at === 0) continue;
      this.add(heads[at] as number, heads[at - 1] as number, kind, key);
      this.add(tails[at - 1] as number, tails[at] as number, kind, key);
    }
    for (const from of sources) {
      const own = places.get(from);
      const ways = own === undefined ? [tails[0]] : [heads[own - 1], tails[own + 1]];
      for (const way of ways) if (way !== undefined) this.add(from, way, kind, key);
    }
  }

  /** The edges that leave `node`. */
  from(node: number): readonly Edge[] {
    return this.#out[node] ?? [];
  }

  /**
   * The sets of nodes that reach each other over edges of these kinds, those of one node left out. (Tarjan, without recursion.)
   */
  components(kinds: ReadonlySet<DependencyKind>): number[][] {
    const order = new Int32Array(this.#size).fill(-1);
    const low = new Int32Array(this.#size);
    const onStack = new Uint8Array(this.#size);
    const stack: number[] = [];
    const found: number[][] = [];
    let count = 0;
    const path: { node: number; next: number }[] = [];
    const enter = (node: number): void => {
      order[node] = count;
      low[node] = count;
      count += 1;
      onStack[node] = 1;
      stack.push(node);
      path.push({ node, next: 0 });
    };
    const leave = (node: number): void => {
      path.pop();
      const above = path.at(-1)?.node;
      if (above !== undefined) low[above] = Math.min(low[above] as number, low[node] as number);
      if (low[node] !== order[node]) return;
      const component = stack.splice(stack.lastIndexOf(node));
      for (const member of component) onStack[member] = 0;
      if (component.length > 1) found.push(component);
    };
    for (let root = 0; root < this.#size; root += 1) {
      if (order[root] !== -1) continue;
      enter(root);
      for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
        const edge = this.from(top.node)[top.next];
        top.next += 1;
        if (edge === undefined) leave(top.node);
        else if (!kinds.has(edge.kind)) continue;
        else if (order[edge.to] === -1) enter(edge.to);
        else if (onStack[edge.to] === 1)
          low[top.node] = Math.min(low[top.node] as number, order[edge.to] as number);
      }
    }
    return found;
  }
}
