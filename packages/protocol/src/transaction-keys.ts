import { isSingleKey } from "./key-range.js";
import { RequestFault } from "./request-fault.js";
import type { Txn, TxnOp } from "./transaction.js";

/** What one path through a transaction may write. Keys are strings of one character a byte, which compare as bytes. */
class Writes {
  readonly puts = new Set<string>();
  readonly deletedKeys = new Set<string>();
  readonly deletedRanges: { readonly start: string; readonly end: string | null }[] = [];

  /** Whether a key is put by both, or put by one and deleted by the other. */
  meets(other: Writes): boolean {
    return overlap(this.puts, other.puts) || this.#deletesPutsOf(other) || other.#deletesPutsOf(this);
  }

  add(other: Writes): void {
    for (const key of other.puts) this.puts.add(key);
    for (const key of other.deletedKeys) this.deletedKeys.add(key);
    this.deletedRanges.push(...other.deletedRanges);
  }

  #deletesPutsOf({ puts }: Writes): boolean {
    if (overlap(this.deletedKeys, puts)) return true;
    for (const { start, end } of this.deletedRanges) {
      for (const key of puts) if (key >= start && (end === null || key < end)) return true;
    }
    return false;
  }
}

function overlap(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  const [few, many] = left.size < right.size ? [left, right] : [right, left];
  for (const key of few) if (many.has(key)) return true;
  return false;
}

/**
 * Refuses a transaction one of whose paths puts a key twice, or puts a key and deletes it, as etcd does: all changes
 * of a transaction have one revision, and a key has one version in it. Branches of which only one can be carried out
 * do not disturb each other.
 * @throws {RequestFault}
 */
export function refuseDoubleWrites(txn: Txn): void {
  // Almost every transaction has no more than one write in a branch.
  if (txn.then.length > 1) writesOf(txn.then);
  else for (const op of txn.then) if (op.kind === "txn") refuseDoubleWrites(op);
  if (txn.else.length > 1) writesOf(txn.else);
  else for (const op of txn.else) if (op.kind === "txn") refuseDoubleWrites(op);
}

function writesOf(ops: readonly TxnOp[]): Writes {
  const all = new Writes();
  for (const op of ops) {
    const writes = writesOfOp(op);
    if (writes === null) continue;
    if (all.meets(writes)) {
      throw new RequestFault("the transaction puts a key twice, or puts it and deletes it, in one branch");
    }
    all.add(writes);
  }
  return all;
}

/** Null when it writes nothing. */
function writesOfOp(op: TxnOp): Writes | null {
  const writes = new Writes();
  switch (op.kind) {
    case "get":
      return null;
    case "put":
      writes.puts.add(toText(op.key));
      return writes;
    case "delete":
      if (isSingleKey(op.range)) {
        writes.deletedKeys.add(toText(op.range.start));
      } else {
        const { start, end } = op.range;
        writes.deletedRanges.push({ start: toText(start), end: end === null ? null : toText(end) });
      }
      return writes;
    case "txn":
      // Of the two branches one is carried out.
      writes.add(writesOf(op.then));
      writes.add(writesOf(op.else));
      return writes;
  }
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
