import { existsSync, readFileSync } from "node:fs";

/** What the shim writes, see shim/shim.h: a head of 16 bytes, then records, all little-endian. */
const MAGIC = "POWLOSS1";
const HEAD_BYTES = 16;
const DATA_RECORD_BYTES = 48;
const NAMES_RECORD_BYTES = 32;

const CHANGE = 1;
const DATA_SYNCED = 2;

/** One unsynced change of a file: undone by writing `before` at `offset`, then cutting the file to `sizeBefore`. */
export interface DataChange {
  /** Grows from change to change, over all files and directories. */
  readonly time: number;
  readonly offset: number;
  /** Bytes changed. */
  readonly length: number;
  readonly sizeBefore: number;
  readonly before: Buffer;
}

/** One unsynced change of a directory. */
export interface NamesChange {
  /** As of a DataChange. */
  readonly time: number;
  readonly kind: "add" | "makeDirectory" | "remove" | "rename";
  readonly name: string;
  /** Of a rename; else empty. */
  readonly newName: string;
  /** Where in `kept/` what was removed or replaced is; null when nothing was. */
  readonly kept: string | null;
}

const NAMES_KINDS: Readonly<Record<number, NamesChange["kind"]>> = {
  1: "add",
  2: "makeDirectory",
  3: "remove",
  4: "rename",
};
const NAMES_SYNCED = 5;
const CANCEL = 6;

/** A journal that is not what the shim writes. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

/** The unsynced changes of a file, oldest first. A record that a kill tore stands for a change that was not carried out. */
export function readDataJournal(path: string): DataChange[] {
  const bytes = readJournal(path);
  const changes: (DataChange & { readonly place: number })[] = [];
  let synced = 0;
  let at = HEAD_BYTES;
  while (at + DATA_RECORD_BYTES <= bytes.length) {
    const place = at;
    const kind = bytes.readUInt32LE(at);
    const length = number(bytes, at + 24);
    const beforeBytes = number(bytes, at + 40);
    const end = at + DATA_RECORD_BYTES + beforeBytes;
    if (end > bytes.length) break;
    if (kind === DATA_SYNCED) synced = Math.max(synced, length);
    else if (kind === CHANGE) {
      changes.push({
        place,
        time: number(bytes, at + 8),
        offset: number(bytes, at + 16),
        length,
        sizeBefore: number(bytes, at + 32),
        before: bytes.subarray(at + DATA_RECORD_BYTES, end),
      });
    } else throw new JournalError(`${path}: a record of kind ${kind} at byte ${at}`);
    at = end;
  }
  return changes.filter(({ place }) => place >= synced);
}

/** The changes of a directory, oldest first: those that are durable, and those that are not. */
export function readNamesJournal(path: string): { durable: NamesChange[]; unsynced: NamesChange[] } {
  const bytes = readJournal(path);
  const inode = path.slice(path.lastIndexOf("/") + 1);
  const changes: (NamesChange & { readonly place: number })[] = [];
  const cancelled = new Set<number>();
  let synced = 0;
  let at = HEAD_BYTES;
  while (at + NAMES_RECORD_BYTES <= bytes.length) {
    const place = at;
    const kind = bytes.readUInt32LE(at + 8);
    const names = at + NAMES_RECORD_BYTES;
    const newNames = names + bytes.readUInt32LE(at + 16);
    const end = newNames + bytes.readUInt32LE(at + 20);
    if (end > bytes.length) break;
    const change = NAMES_KINDS[kind];
    if (change !== undefined) {
      changes.push({
        place,
        time: number(bytes, at),
        kind: change,
        name: bytes.toString("utf8", names, newNames),
        newName: bytes.toString("utf8", newNames, end),
        kept: bytes.readUInt32LE(at + 12) === 0 ? null : `${inode}.${place}`,
      });
    } else if (kind === NAMES_SYNCED) synced = Math.max(synced, number(bytes, at + 24));
    else if (kind === CANCEL) cancelled.add(number(bytes, at + 24));
    else throw new JournalError(`${path}: a record of kind ${kind} at byte ${at}`);
    at = end;
  }
  const done = changes.filter(({ place }) => !cancelled.has(place));
  return {
    durable: done.filter(({ place }) => place < synced),
    unsynced: done.filter(({ place }) => place >= synced),
  };
}

/** Empty when there is none, or one that a kill kept from getting its head. */
function readJournal(path: string): Buffer {
  if (!existsSync(path)) return Buffer.alloc(0);
  const bytes = readFileSync(path);
  if (bytes.length < HEAD_BYTES) return Buffer.alloc(0);
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC)
    throw new JournalError(`${path}: begins with ${bytes.toString("hex", 0, MAGIC.length)}`);
  return bytes;
}

function number(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new JournalError(`a number of ${value}`);
  return Number(value);
}
