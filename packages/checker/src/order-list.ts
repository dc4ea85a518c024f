import { endOf } from "./history.js";
import type { Operation } from "./history.js";

/**
 * The calls and returns of operations in their order, as a doubly linked list of numbers: node `i` is the call of
 * operation `i`, node `n + i` its return. Taking an operation out and putting it back (in the reverse order) costs a few
 * assignments, which is what lets a search walk only over what is still to be placed. (Wing & Gong; Lowe, 2017)
 */
export class OrderList {
  readonly #count: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** One node beyond the last stands in front of the first. */
  readonly #head: number;

  /** `operations`: all with a return. At equal positions calls come first: such operations overlap. */
  constructor(operations: readonly Operation[]) {
    const count = operations.length;
    this.#count = count;
    this.#head = 2 * count;
    this.#next = new Int32Array(2 * count + 1).fill(-1);
    this.#previous = new Int32Array(2 * count + 1).fill(-1);
    const nodes = Array.from({ length: 2 * count }, (_, node) => node);
    const positions = operations.map((operation) => operation.call).concat(operations.map(endOf));
    nodes.sort(
      (a, b) => (positions[a] ?? 0) - (positions[b] ?? 0) || Number(a >= count) - Number(b >= count),
    );
    let last = this.#head;
    for (const node of nodes) {
      this.#next[last] = node;
      this.#previous[node] = last;
      last = node;
    }
  }

  /** The first node; always a call. -1 when nothing is left. */
  first(): number {
    return this.#next[this.#head] as number;
  }

  /** The node behind `node`; -1 behind the last. */
  after(node: number): number {
    return this.#next[node] as number;
  }

  isCall(node: number): boolean {
    return node < this.#count;
  }

  /** The operation that a return node belongs to. */
  operationOf(node: number): number {
    return node < this.#count ? node : node - this.#count;
  }

  take(operation: number): void {
    this.#unlink(operation);
    this.#unlink(operation + this.#count);
  }

  putBack(operation: number): void {
    this.#link(operation + this.#count);
    this.#link(operation);
  }

  #unlink(node: number): void {
    const next = this.#next[node] as number;
    const previous = this.#previous[node] as number;
    this.#next[previous] = next;
    if (next >= 0) this.#previous[next] = previous;
  }

  #link(node: number): void {
    const next = this.#next[node] as number;
    const previous = this.#previous[node] as number;
    this.#next[previous] = node;
    if (next >= 0) this.#previous[next] = node;
  }
}
