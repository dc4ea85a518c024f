import type { Compare, Get, Op, OpResult, Refused, Settings, Txn, TxnOutcome } from "@raftkv/fsm";
import type { KeyRange, KeyValue } from "@raftkv/store";
import { intersect, isOne } from "./keys.js";
import type { ModelKeys } from "./keys.js";

/** What a transaction may look at beside the keys. */
export interface TxnWorld {
  readonly settings: Settings;
  readonly hasLease: (lease: number) => boolean;
}

/** Thrown to leave a transaction half way: its copy of the keys goes with it. */
export class Refusal extends Error {
  readonly result: Refused;

  constructor(result: Refused) {
    super(result.code);
    this.result = result;
  }
}

export function refuse(code: Refused["code"], facts: Refused["facts"] = {}): never {
  throw new Refusal({ kind: "refused", code, facts });
}

/** Carries a transaction out on `keys`, a copy, as if each operation took effect on its own. */
export class ModelTxn {
  readonly #before: ModelKeys;
  readonly #keys: ModelKeys;
  readonly #revision: number;
  readonly #world: TxnWorld;
  readonly #written: KeyRange[] = [];
  #answerBytes = 0;
  #looked = 0;

  constructor(keys: ModelKeys, revision: number, world: TxnWorld) {
    this.#before = keys.copy();
    this.#keys = keys;
    this.#revision = revision;
    this.#world = world;
  }

  /** @throws {Refusal} */
  run(txn: Txn): TxnOutcome {
    const succeeded = txn.compares.every((compare) => holds(compare, this.#before));
    return { succeeded, results: (succeeded ? txn.then : txn.else).map((op) => this.#operation(op)) };
  }

  #operation(op: Op): OpResult {
    switch (op.kind) {
      case "txn":
        return { kind: "txn", ...this.run(op) };
      case "put": {
        if (op.lease !== 0 && !this.#world.hasLease(op.lease)) refuse("LEASE_NOT_FOUND", { lease: op.lease });
        const before = op.wantPrevious ? this.#keys.get(op.key) : null;
        this.#answer(before === null ? [] : [before]);
        this.#keys.put(op.key, op.value, op.lease, this.#revision);
        this.#written.push({ start: op.key, end: Buffer.concat([op.key, Buffer.of(0)]) });
        return { kind: "put", previous: before };
      }
      case "delete": {
        if (!isOne(op.range)) this.#lookAt(op.range);
        const found = this.#keys.in(op.range);
        if (op.wantPrevious) this.#answer(found);
        for (const { key } of found) this.#keys.delete(key);
        this.#written.push(op.range);
        return { kind: "delete", deleted: found.length, previous: op.wantPrevious ? found : [] };
      }
      case "get":
        return this.#get(op);
    }
  }

  #get(op: Get): OpResult {
    const looksBesideWrite = !isOne(op.range) && this.#written.some((range) => intersect(range, op.range));
    if (looksBesideWrite) this.#lookAt(op.range);
    const found = this.#keys.in(op.range).filter((entry) => isWithin(op, entry));
    if (op.countOnly) return { kind: "get", entries: [], more: false, count: found.length };
    if (op.order === "descending") found.reverse();
    const shown = found
      .slice(0, op.limit === 0 ? found.length : op.limit)
      .map((entry) => (op.keysOnly ? { ...entry, value: Buffer.alloc(0) } : entry));
    this.#answer(shown);
    const more = shown.length < found.length;
    return { kind: "get", entries: shown, more, count: more ? null : found.length };
  }

  /** What is deleted by ranges, or looked at beside writes, counts together, as it stood before. */
  #lookAt(range: KeyRange): void {
    const { rangeDeleteKeysMax } = this.#world.settings;
    this.#looked += this.#before.in(range).length;
    if (this.#looked > rangeDeleteKeysMax) refuse("TOO_LARGE", { rangeDeleteKeysMax });
  }

  #answer(entries: readonly KeyValue[]): void {
    const { answerBytesMax } = this.#world.settings;
    this.#answerBytes += bytesOf(entries);
    if (this.#answerBytes > answerBytesMax) refuse("TOO_LARGE", { answerBytesMax });
  }
}

/** What entries count in an answer. */
export function bytesOf(entries: readonly KeyValue[]): number {
  return entries.reduce((sum, { key, value }) => sum + key.length + value.length + 32, 0);
}

/** @throws {Refusal} a range delete of its own touches too many keys, or their values are too much for an answer. */
export function checkDeletion(found: readonly KeyValue[], wantPrevious: boolean, settings: Settings): void {
  const { rangeDeleteKeysMax, answerBytesMax } = settings;
  let fitting = found.length;
  let bytes = 0;
  for (const [i, { key, value }] of found.entries()) {
    bytes += key.length + value.length;
    if (!wantPrevious || bytes <= answerBytesMax || i === 0) continue;
    fitting = i;
    break;
  }
  if (fitting > rangeDeleteKeysMax) refuse("TOO_LARGE", { rangeDeleteKeysMax });
  if (fitting < found.length) refuse("TOO_LARGE", { answerBytesMax });
}

function isWithin(op: Get, { modRevision, createRevision }: KeyValue): boolean {
  if (modRevision < op.minModRevision || createRevision < op.minCreateRevision) return false;
  if (op.maxModRevision !== 0 && modRevision > op.maxModRevision) return false;
  return op.maxCreateRevision === 0 || createRevision <= op.maxCreateRevision;
}

function holds(compare: Compare, keys: ModelKeys): boolean {
  const found = keys.in(compare.range);
  if (compare.target === "value") {
    const { relation, operand } = compare;
    return (
      found.length > 0 && found.every(({ value }) => related(Buffer.compare(value, operand), relation, 0))
    );
  }
  const { target, relation, operand } = compare;
  const numbers = found.map((entry) => {
    if (target === "create") return entry.createRevision;
    return target === "mod" ? entry.modRevision : target === "version" ? entry.version : entry.lease;
  });
  return (numbers.length === 0 ? [0] : numbers).every((number) => related(number, relation, operand));
}

function related(left: number, relation: Compare["relation"], right: number): boolean {
  if (relation === "=") return left === right;
  if (relation === "!=") return left !== right;
  return relation === "<" ? left < right : left > right;
}
