import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import { NewerFormatError } from "./errors.js";
import { LOG_FORMAT, LOG_FORMAT_BASE } from "./log-format.js";

/**
 * Limits that only apply can check. They are part of the replicated state and change through the log alone: a limit of
 * a node's own would make replicas differ (F1).
 */
export interface Settings {
  /** Sessions that are open at a time; another one is refused `OVERLOADED`. */
  readonly sessionsMax: number;
  /** How far a session's numbers may run ahead of the answers that its client has received. */
  readonly sessionResultsMax: number;
  /** A larger answer is not kept: a retry learns only at which revision it was carried out. */
  readonly resultBytesMax: number;
  /** The same for all that is kept in all sessions together. */
  readonly allResultBytesMax: number;
  /**
   * Numbers that all sessions together may span, each from what its client has confirmed to its last one: as many answers as
   * are kept at most. Beyond that a session is refused `OVERLOADED`, but for its share: this over `sessionsMax`, 1 at least.
   */
  readonly allResultsMax: number;
  /** Keys that a command may delete by a range, or look at by a range beside a write. */
  readonly rangeDeleteKeysMax: number;
  /** Keys and values in the answer of a transaction or a range delete. */
  readonly answerBytesMax: number;
  readonly leasesMax: number;
  /** Keys attached to one lease: they go in one entry. */
  readonly leaseKeysMax: number;
  /** Keys that go with expired leases in one entry; at least one lease goes, whole. */
  readonly leaseExpiryKeysMax: number;
  /** No limit: the newest format that a leader may propose commands of; see `LOG_FORMAT`. It never falls. */
  readonly logFormat: number;
}

export const DEFAULT_SETTINGS: Settings = {
  sessionsMax: 100_000,
  sessionResultsMax: 16_384,
  resultBytesMax: 1024 * 1024,
  allResultBytesMax: 64 * 1024 * 1024,
  allResultsMax: 1_000_000,
  rangeDeleteKeysMax: 100_000,
  answerBytesMax: 2 * 1024 * 1024,
  leasesMax: 100_000,
  leaseKeysMax: 10_000,
  leaseExpiryKeysMax: 10_000,
  logFormat: LOG_FORMAT_BASE,
};

/** Their numbers in the log and in the checkpoint, never given twice; a setting's number is its place, from 1. */
const NAMES = [
  "sessionsMax",
  "sessionResultsMax",
  "resultBytesMax",
  "allResultBytesMax",
  "rangeDeleteKeysMax",
  "answerBytesMax",
  "leasesMax",
  "leaseExpiryKeysMax",
  "leaseKeysMax",
  "allResultsMax",
  "logFormat",
] as const satisfies readonly (keyof Settings)[];

export const SETTING_NAMES: readonly (keyof Settings)[] = NAMES;

/**
 * How many there are, then number and value of each, by number. The base format is not written: as long as it is in force, members
 * that know of none read what they always did.
 */
export function writeSettings(writer: ByteWriter, settings: Partial<Settings>): void {
  const given = NAMES.filter(
    (name) => settings[name] !== undefined && !(name === "logFormat" && settings[name] === LOG_FORMAT_BASE),
  );
  writer.varint(given.length);
  for (const name of given) {
    writer.varint(NAMES.indexOf(name) + 1);
    writer.varint(settings[name] ?? 0);
  }
}

/** @throws {NewerFormatError} a format is in force that is not known here; it comes before what it has brought. */
export function readSettings(reader: ByteReader, knownFormat: number = LOG_FORMAT): Partial<Settings> {
  const settings: { -readonly [Name in keyof Settings]?: Settings[Name] } = {};
  for (let left = reader.varint(); left > 0; left--) {
    const number = reader.varint();
    const name = NAMES[number - 1];
    if (name === undefined) reader.fail(`setting ${number} is none of 1 to ${NAMES.length}`);
    const value = reader.varint();
    if (name === "logFormat" && value > knownFormat)
      throw new NewerFormatError("the state beside the keys", { format: value, known: knownFormat });
    settings[name] = value;
  }
  return settings;
}
