import { createHash } from "node:crypto";
import type { Change, KeyRange, KeyValue, RangeQuery } from "@raftkv/store";

export type KeyOperation =
  | { readonly kind: "put"; readonly key: Buffer; readonly value: Buffer; readonly lease?: number }
  | { readonly kind: "delete"; readonly key: Buffer };

export type Operation =
  | KeyOperation
  /** Several changes at one revision. */
  | { readonly kind: "txn"; readonly operations: readonly KeyOperation[] }
  /** Raises the floor to so many revisions before the current one, where that is a rise. */
  | { readonly kind: "compact"; readonly behind: number }
  | { readonly kind: "noop" };

interface ModelVersion {
  readonly modRevision: number;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: number;
  /** Null for a deletion. */
  readonly value: Buffer | null;
}

/** What a store must hold after the first n entries of a log: plain lists, nothing clever. */
export class Model {
  revision = 0;
  floor = 0;
  readonly #versions = new Map<string, ModelVersion[]>();
  readonly changes: Change[] = [];
  /** The revision after each entry; [0] before the first. The same for the floor. */
  readonly revisionAt: number[] = [0];
  readonly floorAt: number[] = [0];

  apply(operation: Operation): void {
    if (operation.kind === "compact") this.floor = this.floorAfter(operation, this.revision);
    else if (operation.kind === "txn") this.#transaction(operation.operations);
    else if (operation.kind !== "noop") this.#transaction([operation]);
    this.revisionAt.push(this.revision);
    this.floorAt.push(this.floor);
  }

  floorAfter(operation: Operation & { kind: "compact" }, revision: number): number {
    return Math.max(this.floor, revision - operation.behind);
  }

  #transaction(operations: readonly KeyOperation[]): void {
    const revision = this.revision + 1;
    let sub = 0;
    for (const operation of operations) if (this.#change(operation, revision, sub)) sub += 1;
    if (sub > 0) this.revision = revision;
  }

  #change(operation: KeyOperation, modRevision: number, sub: number): boolean {
    const name = operation.key.toString("latin1");
    const versions = this.#versions.get(name) ?? [];
    const before = versions.at(-1);
    const alive = before !== undefined && before.value !== null;
    if (operation.kind === "delete" && !alive) return false;
    const put = operation.kind === "put";
    const version: ModelVersion = {
      modRevision,
      createRevision: !put ? 0 : alive ? before.createRevision : modRevision,
      version: !put ? 0 : alive ? before.version + 1 : 1,
      lease: put ? (operation.lease ?? 0) : 0,
      value: put ? operation.value : null,
    };
    versions.push(version);
    this.#versions.set(name, versions);
    const { createRevision, version: count, lease } = version;
    this.changes.push({
      revision: modRevision,
      sub,
      kind: operation.kind,
      key: operation.key,
      value: put ? operation.value : Buffer.alloc(0),
      createRevision,
      version: count,
      lease,
      previousRevision: alive ? before.modRevision : 0,
    });
    return true;
  }

  get keys(): Buffer[] {
    return [...this.#versions.keys()].map((name) => Buffer.from(name, "latin1")).sort((a, b) => a.compare(b));
  }

  get(key: Buffer, revision: number = this.revision): KeyValue | null {
    const versions = this.#versions.get(key.toString("latin1")) ?? [];
    const found = versions.findLast((version) => version.modRevision <= revision);
    if (found === undefined || found.value === null) return null;
    const { modRevision, createRevision, version, value, lease } = found;
    return { key, value, createRevision, modRevision, version, lease };
  }

  /** Everything that a query asks for, without its limits, in its order. */
  range(query: RangeQuery): KeyValue[] {
    const found: KeyValue[] = [];
    for (const key of this.keys) {
      const entry = isIn(query.range, key) ? this.get(key, query.revision) : null;
      if (entry === null) continue;
      const { modRevision, createRevision } = entry;
      if (modRevision < (query.minModRevision ?? 0) || modRevision > (query.maxModRevision ?? Infinity))
        continue;
      if (createRevision < (query.minCreateRevision ?? 0)) continue;
      if (createRevision > (query.maxCreateRevision ?? Infinity)) continue;
      found.push(query.keysOnly === true ? { ...entry, value: Buffer.alloc(0) } : entry);
    }
    return query.order === "descending" ? found.reverse() : found;
  }

  /** Written from the description in docs/storage-format.md, not from the store's code. */
  hash(revision: number): string {
    const hash = createHash("sha256");
    for (const key of this.keys) {
      const found = this.get(key, revision);
      if (found === null) continue;
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32LE(key.length, 0);
      lengths.writeUInt32LE(found.value.length, 4);
      hash.update(lengths);
      for (const count of [found.createRevision, found.modRevision, found.version, found.lease]) {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(BigInt(count));
        hash.update(bytes);
      }
      hash.update(key);
      hash.update(found.value);
    }
    return hash.digest("hex");
  }
}

function isIn(range: KeyRange, key: Buffer): boolean {
  return key.compare(range.start) >= 0 && (range.end === null || key.compare(range.end) < 0);
}
