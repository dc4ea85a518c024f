import type { DependencyGraph, DependencyKind, Edge } from "./graph.js";

export type CycleName =
  | "G0"
  | "G1c"
  | "G-single"
  | "G2-item"
  | "G0-realtime"
  | "G1c-realtime"
  | "G-single-realtime"
  | "G2-item-realtime";

interface CycleClass {
  readonly name: CycleName;
  readonly kinds: ReadonlySet<DependencyKind>;
  /** Exactly one edge of the cycle is an `rw`. */
  readonly isSingle: boolean;
}

const WRITES: readonly DependencyKind[] = ["ww"];
const READS: readonly DependencyKind[] = ["ww", "wr"];
const ALL: readonly DependencyKind[] = ["ww", "wr", "rw"];

/** The strongest first: a cycle is called by the first of these that it fits (Adya; Kingsbury & Alvaro, "Elle", 2020). */
const CLASSES: readonly CycleClass[] = [
  { name: "G0", kinds: new Set(WRITES), isSingle: false },
  { name: "G1c", kinds: new Set(READS), isSingle: false },
  { name: "G-single", kinds: new Set(ALL), isSingle: true },
  { name: "G2-item", kinds: new Set(ALL), isSingle: false },
  { name: "G0-realtime", kinds: new Set([...WRITES, "realtime"]), isSingle: false },
  { name: "G1c-realtime", kinds: new Set([...READS, "realtime"]), isSingle: false },
  { name: "G-single-realtime", kinds: new Set([...ALL, "realtime"]), isSingle: true },
  { name: "G2-item-realtime", kinds: new Set([...ALL, "realtime"]), isSingle: false },
];

export interface Cycle {
  readonly name: CycleName;
  /** Between transactions, each from where the one before ends; the last ends where the first begins. */
  readonly edges: readonly Edge[];
}

/** Edges that the search for short cycles may walk over, for each set of entangled transactions: it only serves the reader. */
const WALKED_MAX = 5_000_000;

/**
 * One short cycle of each set of entangled transactions, by its strongest name. Sets with one of `explained` in them are passed
 * over: what is wrong there has been told.
 */
export function findCycles(graph: DependencyGraph, explained: ReadonlySet<number>): Cycle[] {
  const cycles: Cycle[] = [];
  const told = new Set(explained);
  for (const { name, kinds, isSingle } of CLASSES) {
    for (const component of graph.components(kinds)) {
      if (component.some((node) => told.has(node))) continue;
      const edges = shortestCycle(graph, new Set(component), kinds, isSingle);
      if (edges === null) continue;
      cycles.push({ name, edges });
      for (const { from } of edges) told.add(from);
    }
  }
  return cycles;
}

function shortestCycle(
  graph: DependencyGraph,
  component: ReadonlySet<number>,
  kinds: ReadonlySet<DependencyKind>,
  isSingle: boolean,
): Edge[] | null {
  const budget = { left: WALKED_MAX };
  let best: Edge[] | null = null;
  const rest = isSingle ? new Set([...kinds].filter((kind) => kind !== "rw")) : kinds;
  const starts = [...component].filter((node) => node < graph.transactions).sort((a, b) => a - b);
  for (const start of starts) {
    // A cycle of two cannot be beaten. A search that has cost too much ends with what it has: where any cycle will do, every
    // start has one; where there is none with a single rw yet, the set is called G2, the weaker name.
    if (best !== null && best.length <= 2) break;
    if (budget.left <= 0 && (best !== null || isSingle)) break;
    const firsts = graph
      .from(start)
      .filter(({ kind, to }) => component.has(to) && (isSingle ? kind === "rw" : kinds.has(kind)));
    const found = shortestFrom(graph, firsts, { component, kinds: rest, start, budget });
    if (found !== null && (best === null || found.length < best.length)) best = found;
  }
  return best;
}

interface Walk {
  readonly component: ReadonlySet<number>;
  readonly kinds: ReadonlySet<DependencyKind>;
  readonly start: number;
  readonly budget: { left: number };
}

/** The shortest way that begins with one of `firsts` and ends at `start`, by the number of transactions on it. */
function shortestFrom(graph: DependencyGraph, firsts: readonly Edge[], walk: Walk): Edge[] | null {
  const cameBy = new Map<number, Edge>();
  let now: number[] = [];
  for (const edge of firsts) {
    if (cameBy.has(edge.to)) continue;
    cameBy.set(edge.to, edge);
    now.push(edge.to);
  }
  for (let next: number[] = []; now.length > 0; now = next, next = []) {
    // Nodes that are no transactions cost nothing: they are gone through before the next ring.
    for (let node = now.pop(); node !== undefined; node = now.pop()) {
      if (node === walk.start) return between(graph, cameBy, walk.start);
      for (const edge of graph.from(node)) {
        walk.budget.left -= 1;
        const isWay = node >= graph.transactions || walk.kinds.has(edge.kind);
        if (!isWay || !walk.component.has(edge.to) || cameBy.has(edge.to)) continue;
        cameBy.set(edge.to, edge);
        (edge.to >= graph.transactions ? now : next).push(edge.to);
      }
    }
  }
  return null;
}

/** The way back to `start`, with the nodes that are no transactions left out. */
function between(graph: DependencyGraph, cameBy: ReadonlyMap<number, Edge>, start: number): Edge[] {
  const edges: Edge[] = [];
  let to = start;
  let node = start;
  do {
    const { from, kind, key } = cameBy.get(node) as Edge;
    if (from < graph.transactions) {
      edges.unshift({ from, to, kind, key });
      to = from;
    }
    node = from;
  } while (node !== start);
  return edges;
}
