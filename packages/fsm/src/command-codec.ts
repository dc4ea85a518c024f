import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import type { Command, Envelope, RouteChange } from "./command.js";
import { CommandFormatError } from "./errors.js";
import { LOG_FORMAT, LOG_FORMAT_BASE, demandKnownFormat, formatOf } from "./log-format.js";
import { readDelete, readPut, readTxn, writeDelete, writePut, writeTxn } from "./operation-codec.js";
import { readSettings, writeSettings } from "./settings.js";

/**
 * The byte behind the format (`log-format.ts`) in the body of an entry, which docs/command-format.md writes down. It is encoded
 * once by whoever proposes it, straight into the entry's frame.
 */
export const KINDS = [
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
  "hashCheck",
] as const satisfies readonly Command["kind"][];

const KIND_BYTES: ReadonlyMap<Command["kind"], number> = new Map(KINDS.map((kind, i) => [kind, i + 1]));
const STAMP_MS_MAX = 2 ** 48 - 1;

/** A command as it was read from an entry. */
export interface DecodedCommand {
  readonly envelope: Envelope;
  /** Log time when the leader encoded it, in ms (F5). */
  readonly stampMs: number;
  /** Keys and values are views of what was read. */
  readonly command: Command;
}

/** Bytes that `encodeInto` will write. */
export function encodedSize(command: Command, envelope: Envelope): number {
  const writer = new ByteWriter(null, 0);
  write(writer, command, envelope, 0);
  return writer.at;
}

/** Writes a command at `offset`; the caller has made room for `encodedSize`. */
export function encodeInto(
  command: Command,
  envelope: Envelope,
  stampMs: number,
  target: Uint8Array,
  offset: number,
): void {
  write(new ByteWriter(target, offset), command, envelope, stampMs);
}

/**
 * Reads a command.
 * @throws {CommandFormatError} it is none. @throws {NewerFormatError} a newer version wrote it.
 */
export function decode(bytes: Uint8Array): DecodedCommand {
  const reader = new CommandReader(LOG_FORMAT);
  reader.open(bytes);
  const { stampMs, session, number, answeredBelow, predecessor } = reader;
  return { stampMs, envelope: { session, number, answeredBelow, predecessor }, command: reader.command() };
}

/**
 * Reads commands one after the other, field by field, so that the commonest ones need no object: `open` takes the
 * envelope, then comes `command`, or for a put its fields by `operation-codec`.
 */
export class CommandReader extends ByteReader implements Envelope {
  kind: Command["kind"] = "clock";
  stampMs = 0;
  session = 0;
  number = 0;
  answeredBelow = 0;
  predecessor = 0;

  readonly #logFormat: number;

  /** @param logFormat the newest format that it reads. */
  constructor(logFormat: number) {
    super((message) => new CommandFormatError(`no command: ${message}`));
    this.#logFormat = logFormat;
  }

  /** @throws {CommandFormatError} it is none. @throws {NewerFormatError} a newer version wrote it. */
  override open(bytes: Uint8Array): void {
    super.open(bytes);
    demandKnownFormat(bytes, this.#logFormat);
    if (this.byte() < LOG_FORMAT_BASE) this.fail(`format ${bytes[0]}`);
    const number = this.byte();
    const kind = KINDS[number - 1];
    if (kind === undefined) this.fail(`kind ${number} is none of 1 to ${KINDS.length}`);
    this.kind = kind;
    this.stampMs = this.uint48();
    this.session = this.varint();
    if (this.session === 0) {
      this.number = 0;
      this.answeredBelow = 0;
      this.predecessor = 0;
      return;
    }
    this.number = this.varint();
    this.answeredBelow = this.varint();
    this.predecessor = this.varint();
  }

  /** The command behind the envelope, whole: nothing may follow it. */
  command(): Command {
    const command = readCommand(this, this.kind);
    this.end();
    return command;
  }
}

function write(writer: ByteWriter, command: Command, envelope: Envelope, stampMs: number): void {
  writer.byte(formatOf(command));
  writer.byte(KIND_BYTES.get(command.kind) ?? 0);
  writer.uint48(Math.min(stampMs, STAMP_MS_MAX));
  writer.varint(envelope.session);
  if (envelope.session !== 0) {
    writer.varint(envelope.number);
    writer.varint(envelope.answeredBelow);
    writer.varint(envelope.predecessor);
  }
  writeCommand(writer, command);
}

function writeCommand(writer: ByteWriter, command: Command): void {
  switch (command.kind) {
    case "put":
      writePut(writer, command);
      return;
    case "delete":
      writeDelete(writer, command);
      return;
    case "txn":
      writeTxn(writer, command);
      return;
    case "leaseGrant":
    case "sessionOpen":
      writer.varint(command.ttlMs);
      return;
    case "leaseRevoke":
      writer.varint(command.lease);
      return;
    case "leaseKeepAlive":
      writer.varint(command.leases.length);
      for (const lease of command.leases) writer.varint(lease);
      return;
    case "compact":
      writer.varint(command.revision);
      return;
    case "catalogChange":
      writer.varint(command.expectedVersion);
      writer.varint(command.routes.length);
      for (const route of command.routes) writeRoute(writer, route);
      return;
    case "settingsChange":
      writeSettings(writer, command.settings);
      return;
    case "sessionKeepAlive":
    case "sessionClose":
    case "clock":
    case "hashCheck":
      return;
  }
}

function readCommand(reader: ByteReader, kind: Command["kind"]): Command {
  switch (kind) {
    case "put":
      return readPut(reader);
    case "delete":
      return readDelete(reader);
    case "txn":
      return readTxn(reader);
    case "leaseGrant":
    case "sessionOpen":
      return { kind, ttlMs: reader.varint() };
    case "leaseRevoke":
      return { kind, lease: reader.varint() };
    case "leaseKeepAlive":
      return { kind, leases: readList(reader, () => reader.varint()) };
    case "compact":
      return { kind, revision: reader.varint() };
    case "catalogChange": {
      const expectedVersion = reader.varint();
      return { kind, expectedVersion, routes: readList(reader, () => readRoute(reader)) };
    }
    case "settingsChange":
      return { kind, settings: readSettings(reader) };
    case "sessionKeepAlive":
    case "sessionClose":
    case "clock":
    case "hashCheck":
      return { kind };
  }
}

function readList<Item>(reader: ByteReader, read: () => Item): Item[] {
  const items: Item[] = [];
  for (let left = reader.varint(); left > 0; left--) items.push(read());
  return items;
}

/** The route's id and its group's, whether it is bounded, and its keys. */
function writeRoute(writer: ByteWriter, route: RouteChange): void {
  writer.varint(route.routeId);
  writer.varint(route.groupId);
  writer.byte(route.end === null ? 0 : 1);
  writer.blob(route.start);
  if (route.end !== null) writer.blob(route.end);
}

function readRoute(reader: ByteReader): RouteChange {
  const routeId = reader.varint();
  const groupId = reader.varint();
  const bounded = reader.byte();
  const start = reader.blob();
  return { routeId, start, end: bounded === 0 ? null : reader.blob(), groupId };
}
