import { wrongRoute } from "./catalog-change.js";
import type { Command, Compare, Delete, Get, Op, Txn } from "./command.js";
import { compareHolds } from "./compare.js";
import type { EntryContext } from "./evaluate.js";
import { isOneKey, rangeOfKey } from "./key-range.js";
import type { KeyRange, KeyValue } from "@raftkv/store";
import { NOTHING_FOUND } from "./loading.js";
import type { Found, Loaded } from "./loading.js";
import type { MachineState } from "./machine-state.js";
import { refused } from "./result.js";
import type { CommandResult, OpResult, Refused, TxnOutcome } from "./result.js";
import { entryBytes } from "./result-codec.js";
import { TxnView } from "./txn-view.js";

const NO_VALUE = new Uint8Array();

/**
 * A transaction: first everything that it reads and answers is worked out, over a view that holds its writes; only when
 * nothing refuses it do those reach the batch, at one revision.
 */
export function evaluateTxn(
  txn: Command & { readonly kind: "txn" },
  context: EntryContext,
  loaded: Loaded | null,
): CommandResult {
  const { batch, state } = context;
  const wrong = state.ownsAllKeys ? null : wrongRouteOf(txn, state);
  if (wrong !== null) return wrong;
  if (loaded !== null && loaded.refusal !== null) return loaded.refusal;
  const plan = new TxnPlan(context, loaded);
  const outcome = plan.carryOut(txn);
  const refusal = plan.refusal ?? tooManyKeysOfLease(plan.view, state);
  if (refusal !== null) return refusal;
  plan.view.commit();
  return { kind: "txn", revision: batch.revision, ...outcome };
}

/** Behind the whole of it, no lease that gained keys has more than it may. */
function tooManyKeysOfLease(
  view: TxnView,
  { leases, settings: { leaseKeysMax } }: MachineState,
): Refused | null {
  for (const [lease, puts] of view.leasePuts()) {
    if (leases.keysOf(lease) + puts <= leaseKeysMax) continue;
    const gain = view.leaseGain(lease);
    if (gain > 0 && leases.keysOf(lease) + gain > leaseKeysMax) return refused("TOO_LARGE", { leaseKeysMax });
  }
  return null;
}

class TxnPlan {
  readonly view: TxnView;
  /** Why nothing of it may happen. */
  refusal: Refused | null = null;
  readonly #context: EntryContext;
  readonly #loaded: Loaded | null;
  #answerBytes = 0;
  /** Keys found in ranges that it deletes, or looks at beside its writes. */
  #keys = 0;

  constructor(context: EntryContext, loaded: Loaded | null) {
    this.view = new TxnView(context.batch);
    this.#context = context;
    this.#loaded = loaded;
  }

  carryOut(txn: Txn): TxnOutcome {
    if (this.#loaded !== null) return this.#outcome(txn, this.#loaded.branches);
    const branches = new Map<Txn, boolean>();
    this.#judge(txn, branches);
    return this.#outcome(txn, branches);
  }

  /** Compares of single keys, before anything is written; `load` does it where there are ranges. */
  #judge(txn: Txn, branches: Map<Txn, boolean>): void {
    const { batch } = this.#context;
    const succeeded = txn.compares.every((compare: Compare) => {
      const { start } = compare.range;
      return compareHolds(compare, compare.target === "value" ? batch.get(start) : batch.peek(start));
    });
    branches.set(txn, succeeded);
    for (const op of succeeded ? txn.then : txn.else) if (op.kind === "txn") this.#judge(op, branches);
  }

  #outcome(txn: Txn, branches: ReadonlyMap<Txn, boolean>): TxnOutcome {
    const succeeded = branches.get(txn) === true;
    const results: OpResult[] = [];
    for (const op of succeeded ? txn.then : txn.else) {
      results.push(op.kind === "txn" ? { kind: "txn", ...this.#outcome(op, branches) } : this.#operation(op));
      if (this.refusal !== null) break;
    }
    return { succeeded, results };
  }

  #operation(op: Exclude<Op, { kind: "txn" }>): OpResult {
    const { state } = this.#context;
    switch (op.kind) {
      case "put": {
        if (op.lease !== 0 && !state.leases.has(op.lease)) {
          this.refusal = refused("LEASE_NOT_FOUND", { lease: op.lease });
        }
        const previous = op.wantPrevious ? this.view.get(op.key) : null;
        if (previous !== null) this.#answer([previous]);
        this.view.put(op);
        return { kind: "put", previous };
      }
      case "delete":
        return this.#delete(op);
      case "get":
        return this.#get(op);
    }
  }

  #delete(op: Delete): OpResult {
    const { range, wantPrevious } = op;
    const found = this.#loaded?.ranges.get(op) ?? NOTHING_FOUND;
    this.#lookAt(found);
    const previous: KeyValue[] = [];
    let deleted = 0;
    for (const key of isOneKey(range) ? [range.start] : this.view.keys(range, found.entries)) {
      if (this.refusal !== null) break;
      const entry = wantPrevious ? this.view.get(key) : this.view.peek(key);
      if (entry === null) continue;
      deleted += 1;
      if (wantPrevious) {
        previous.push(entry);
        this.#answer([entry]);
      }
      this.view.delete(key);
    }
    return { kind: "delete", deleted, previous };
  }

  #get(op: Get): OpResult {
    const { range, limit, keysOnly } = op;
    const { answerBytesMax } = this.#context.state.settings;
    const found = this.#loaded?.ranges.get(op);
    if (found !== undefined && this.#loaded?.stale.has(op) === false) {
      const { entries, more, count } = found;
      if (more && (limit === 0 || entries.length < limit))
        this.refusal = refused("TOO_LARGE", { answerBytesMax });
      this.#answer(entries);
      return { kind: "get", entries, more, count };
    }
    if (found !== undefined) this.#lookAt(found);
    const keys = found === undefined ? [range.start] : this.view.keys(range, found.entries);
    if (op.order === "descending") keys.reverse();
    const entries: KeyValue[] = [];
    let count = 0;
    for (const key of keys) {
      const entry = keysOnly || op.countOnly ? this.view.peek(key) : this.view.get(key);
      if (entry === null || !matches(op, entry)) continue;
      count += 1;
      if (op.countOnly) continue;
      if (limit !== 0 && entries.length === limit) return { kind: "get", entries, more: true, count: null };
      const shown = keysOnly ? { ...entry, value: NO_VALUE } : entry;
      entries.push(shown);
      this.#answer([shown]);
      if (this.refusal !== null) break;
    }
    return { kind: "get", entries, more: false, count };
  }

  #lookAt({ entries }: Found): void {
    const { rangeDeleteKeysMax } = this.#context.state.settings;
    this.#keys += entries.length;
    if (this.#keys > rangeDeleteKeysMax) this.refusal ??= refused("TOO_LARGE", { rangeDeleteKeysMax });
  }

  #answer(entries: readonly KeyValue[]): void {
    const { answerBytesMax } = this.#context.state.settings;
    for (const entry of entries) this.#answerBytes += entryBytes(entry);
    if (this.#answerBytes > answerBytesMax) this.refusal ??= refused("TOO_LARGE", { answerBytesMax });
  }
}

function matches(get: Get, entry: KeyValue): boolean {
  return (
    entry.modRevision >= get.minModRevision &&
    (get.maxModRevision === 0 || entry.modRevision <= get.maxModRevision) &&
    entry.createRevision >= get.minCreateRevision &&
    (get.maxCreateRevision === 0 || entry.createRevision <= get.maxCreateRevision)
  );
}

/** Every key that the transaction may look at or write, in both branches, belongs to the group. */
function wrongRouteOf(txn: Txn, state: MachineState): Refused | null {
  const wrong = (range: KeyRange): Refused | null => wrongRoute(state.catalog, state.groupId, range);
  for (const { range } of txn.compares) {
    const found = wrong(range);
    if (found !== null) return found;
  }
  for (const op of [...txn.then, ...txn.else]) {
    const found =
      op.kind === "txn" ? wrongRouteOf(op, state) : wrong(op.kind === "put" ? rangeOfKey(op.key) : op.range);
    if (found !== null) return found;
  }
  return null;
}
