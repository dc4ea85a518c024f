import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import { nameOf } from "./bytes.js";
import type { KeyValue } from "@raftkv/store";
import type { CommandResult, OpResult, RefusalCode, Refused, TxnOutcome } from "./result.js";
import { DEFAULT_SETTINGS, readSettings, writeSettings } from "./settings.js";

/** Their numbers in the checkpoint are their places, from 1; never given twice. */
const KINDS = [
  "put",
  "delete",
  "txn",
  "leaseGrant",
  "leaseRevoke",
  "leaseKeepAlive",
  "sessionOpen",
  "sessionKeepAlive",
  "sessionClose",
  "compact",
  "catalogChange",
  "clock",
  "settingsChange",
  "notKept",
  "refused",
  "hashCheck",
] as const satisfies readonly CommandResult["kind"][];
const OPS = ["put", "delete", "get", "txn"] as const satisfies readonly OpResult["kind"][];
const CODES = [
  "LEASE_NOT_FOUND",
  "SESSION_EXPIRED",
  "OUT_OF_ORDER",
  "OUTCOME_UNKNOWN",
  "CATALOG_VERSION_CONFLICT",
  "COMPACTED",
  "FUTURE_REVISION",
  "OVERLOADED",
  "TOO_LARGE",
  "INVALID_ARGUMENT",
  "WRONG_ROUTE",
  "PREDECESSOR_FAILED",
] as const satisfies readonly RefusalCode[];

/** Beside key and value, roughly what an entry takes. */
export const ENTRY_BYTES = 32;

/** What the entries in an answer take, in bytes: what `resultBytesMax` is held against. */
export function resultBytes(result: CommandResult | OpResult): number {
  switch (result.kind) {
    case "put":
      return result.previous === null ? 0 : entryBytes(result.previous);
    case "delete":
      return entriesBytes(result.previous);
    case "get":
      return entriesBytes(result.entries);
    case "txn":
      return result.results.reduce((sum, one) => sum + ENTRY_BYTES + resultBytes(one), 0);
    case "leaseKeepAlive":
      return result.leases.length * ENTRY_BYTES;
    default:
      return 0;
  }
}

export function entryBytes(entry: KeyValue): number {
  return entry.key.length + entry.value.length + ENTRY_BYTES;
}

function entriesBytes(entries: readonly KeyValue[]): number {
  return entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
}

export function writeResult(writer: ByteWriter, result: CommandResult): void {
  writer.byte(KINDS.indexOf(result.kind) + 1);
  switch (result.kind) {
    case "put":
      writer.varint(result.revision);
      writeOptional(writer, result.previous);
      return;
    case "delete":
      writer.varint(result.revision);
      writer.varint(result.deleted);
      writeList(writer, result.previous, writeEntry);
      return;
    case "txn":
      writer.varint(result.revision);
      writeOutcome(writer, result);
      return;
    case "leaseGrant":
      writer.varint(result.lease);
      writer.varint(result.ttlMs);
      return;
    case "leaseRevoke":
      writer.varint(result.revision);
      writer.varint(result.deleted);
      return;
    case "leaseKeepAlive":
      writeList(writer, result.leases, (_, { lease, ttlMs }) => {
        writer.varint(lease);
        writer.varint(ttlMs);
      });
      return;
    case "sessionOpen":
      writer.varint(result.session);
      writer.varint(result.ttlMs);
      return;
    case "sessionKeepAlive":
      writer.varint(result.ttlMs);
      return;
    case "sessionClose":
    case "hashCheck":
      return;
    case "compact":
      writer.varint(result.floor);
      return;
    case "catalogChange":
      writer.varint(result.version);
      return;
    case "clock":
      for (const ids of [result.leases, result.sessions])
        writeList(writer, ids, (_, id) => writer.varint(id));
      writer.varint(result.deleted);
      return;
    case "settingsChange":
      writeSettings(writer, result.settings);
      return;
    case "notKept":
      writer.varint(result.revision);
      return;
    case "refused":
      writeRefusal(writer, result);
      return;
  }
}

export function readResult(reader: ByteReader): CommandResult {
  const number = reader.byte();
  const kind = KINDS[number - 1];
  switch (kind) {
    case "put":
      return { kind, revision: reader.varint(), previous: readOptional(reader) };
    case "delete":
      return {
        kind,
        revision: reader.varint(),
        deleted: reader.varint(),
        previous: readList(reader, readEntry),
      };
    case "txn":
      return { kind, revision: reader.varint(), ...readOutcome(reader) };
    case "leaseGrant":
      return { kind, lease: reader.varint(), ttlMs: reader.varint() };
    case "leaseRevoke":
      return { kind, revision: reader.varint(), deleted: reader.varint() };
    case "leaseKeepAlive":
      return { kind, leases: readList(reader, () => ({ lease: reader.varint(), ttlMs: reader.varint() })) };
    case "sessionOpen":
      return { kind, session: reader.varint(), ttlMs: reader.varint() };
    case "sessionKeepAlive":
      return { kind, ttlMs: reader.varint() };
    case "sessionClose":
    case "hashCheck":
      return { kind };
    case "compact":
      return { kind, floor: reader.varint() };
    case "catalogChange":
      return { kind, version: reader.varint() };
    case "clock": {
      const leases = readList(reader, () => reader.varint());
      const sessions = readList(reader, () => reader.varint());
      return { kind, leases, sessions, deleted: reader.varint() };
    }
    case "settingsChange":
      return { kind, settings: { ...DEFAULT_SETTINGS, ...readSettings(reader) } };
    case "notKept":
      return { kind, revision: reader.varint() };
    case "refused":
      return readRefusal(reader);
    default:
      return reader.fail(`result ${number} is none of 1 to ${KINDS.length}`);
  }
}

function writeOutcome(writer: ByteWriter, outcome: TxnOutcome): void {
  writer.byte(outcome.succeeded ? 1 : 0);
  writeList(writer, outcome.results, writeOpResult);
}

function readOutcome(reader: ByteReader): TxnOutcome {
  return { succeeded: reader.byte() !== 0, results: readList(reader, readOpResult) };
}

function writeOpResult(writer: ByteWriter, result: OpResult): void {
  writer.byte(OPS.indexOf(result.kind) + 1);
  switch (result.kind) {
    case "put":
      writeOptional(writer, result.previous);
      return;
    case "delete":
      writer.varint(result.deleted);
      writeList(writer, result.previous, writeEntry);
      return;
    case "get":
      writer.byte((result.more ? 1 : 0) | (result.count === null ? 0 : 2));
      if (result.count !== null) writer.varint(result.count);
      writeList(writer, result.entries, writeEntry);
      return;
    case "txn":
      writeOutcome(writer, result);
      return;
  }
}

function readOpResult(reader: ByteReader): OpResult {
  const number = reader.byte();
  const kind = OPS[number - 1];
  switch (kind) {
    case "put":
      return { kind, previous: readOptional(reader) };
    case "delete":
      return { kind, deleted: reader.varint(), previous: readList(reader, readEntry) };
    case "get": {
      const flags = reader.byte();
      const count = (flags & 2) === 0 ? null : reader.varint();
      return { kind, entries: readList(reader, readEntry), more: (flags & 1) !== 0, count };
    }
    case "txn":
      return { kind, ...readOutcome(reader) };
    default:
      return reader.fail(`result ${number} of an operation is none of 1 to ${OPS.length}`);
  }
}

function writeRefusal(writer: ByteWriter, result: Refused): void {
  writer.byte(CODES.indexOf(result.code));
  writeList(writer, Object.entries(result.facts), (_, [name, value]) => {
    writer.blob(Uint8Array.from(name, (character) => character.charCodeAt(0)));
    writer.varint(value);
  });
}

function readRefusal(reader: ByteReader): Refused {
  const number = reader.byte();
  const code = CODES[number];
  if (code === undefined) reader.fail(`refusal ${number} is none of 0 to ${CODES.length - 1}`);
  const facts = Object.fromEntries(readList(reader, () => [nameOf(reader.blob()), reader.varint()] as const));
  return { kind: "refused", code, facts };
}

function writeEntry(writer: ByteWriter, entry: KeyValue): void {
  writer.blob(entry.key);
  writer.blob(entry.value);
  writer.varint(entry.createRevision);
  writer.varint(entry.modRevision);
  writer.varint(entry.version);
  writer.varint(entry.lease);
}

/** A copy: what is read is kept for longer than the bytes it stands in. */
function readEntry(reader: ByteReader): KeyValue {
  return {
    key: Uint8Array.from(reader.blob()),
    value: Uint8Array.from(reader.blob()),
    createRevision: reader.varint(),
    modRevision: reader.varint(),
    version: reader.varint(),
    lease: reader.varint(),
  };
}

function writeOptional(writer: ByteWriter, entry: KeyValue | null): void {
  writer.byte(entry === null ? 0 : 1);
  if (entry !== null) writeEntry(writer, entry);
}

function readOptional(reader: ByteReader): KeyValue | null {
  return reader.byte() === 0 ? null : readEntry(reader);
}

function writeList<Item>(
  writer: ByteWriter,
  items: readonly Item[],
  write: (writer: ByteWriter, item: Item) => void,
): void {
  writer.varint(items.length);
  for (const item of items) write(writer, item);
}

function readList<Item>(reader: ByteReader, read: (reader: ByteReader) => Item): Item[] {
  const items: Item[] = [];
  for (let left = reader.varint(); left > 0; left--) items.push(read(reader));
  return items;
}
