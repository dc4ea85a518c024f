import { createHash } from "node:crypto";
import type { KeyValue } from "@raftkv/store";

export type Operation =
  | { readonly kind: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: "delete"; readonly key: Buffer }
  | { readonly kind: "noop" };

interface ModelVersion {
  readonly modRevision: number;
  readonly createRevision: number;
  readonly version: number;
  /** Null for a deletion. */
  readonly value: Buffer | null;
}

/** What a store must hold after the first n entries of a log: plain lists, nothing clever. */
export class Model {
  revision = 0;
  readonly #versions = new Map<string, ModelVersion[]>();
  /** The revision after each entry; [0] before the first. */
  readonly revisionAt: number[] = [0];

  apply(operation: Operation): void {
    if (operation.kind !== "noop") this.#change(operation);
    this.revisionAt.push(this.revision);
  }

  #change(operation: Operation & { kind: "put" | "delete" }): void {
    const name = operation.key.toString("latin1");
    const versions = this.#versions.get(name) ?? [];
    const before = versions.at(-1);
    const alive = before !== undefined && before.value !== null;
    if (operation.kind === "delete" && !alive) return;
    this.revision += 1;
    versions.push({
      modRevision: this.revision,
      createRevision: operation.kind === "delete" ? 0 : alive ? before.createRevision : this.revision,
      version: operation.kind === "delete" ? 0 : alive ? before.version + 1 : 1,
      value: operation.kind === "delete" ? null : operation.value,
    });
    this.#versions.set(name, versions);
  }

  get keys(): Buffer[] {
    return [...this.#versions.keys()].map((name) => Buffer.from(name, "latin1")).sort((a, b) => a.compare(b));
  }

  get(key: Buffer, revision: number = this.revision): KeyValue | null {
    const versions = this.#versions.get(key.toString("latin1")) ?? [];
    const found = versions.findLast((version) => version.modRevision <= revision);
    if (found === undefined || found.value === null) return null;
    const { modRevision, createRevision, version, value } = found;
    return { key, value, createRevision, modRevision, version };
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
      for (const count of [found.createRevision, found.modRevision, found.version]) {
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
