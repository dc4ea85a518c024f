import { join } from "node:path";
import { crc32 } from "node:zlib";
import { StoreCorruptError, StoreError } from "../errors.js";
import type { FileSystem } from "../file-system.js";
import { hex } from "./table-format.js";
import type { TableSize } from "./table-writer.js";

const MANIFEST_FORMAT = 1;
const HEAD = /^raftkv-tables (\d+) crc32=([0-9a-f]{8}) bytes=(\d+)$/;
const HEAD_BYTES_MAX = 128;
const NEWLINE = 0x0a;
const TABLE_NAME = /^\d+\.table$/;

/** The tables that count, oldest first. */
export interface Manifest {
  /** No table has this number or a higher one. */
  readonly next: number;
  readonly tables: readonly (TableSize & { readonly number: number })[];
}

export function tablePath(location: string, number: number): string {
  return join(location, `${number}.table`);
}

export function isTableName(name: string): boolean {
  return TABLE_NAME.test(name);
}

/**
 * Reads the manifest; null when there is none.
 * @throws {StoreCorruptError} it is not what was written.
 * @throws {StoreError} UNKNOWN_FORMAT: a newer version wrote it.
 */
export async function readManifest(fileSystem: FileSystem, location: string): Promise<Manifest | null> {
  const path = manifestPath(location);
  const bytes = await fileSystem.readFile(path);
  return bytes === null ? null : decodeManifest(bytes, path);
}

/** Makes `manifest` the one that counts, durably. Its tables are durable, with their names. */
export async function writeManifest(
  fileSystem: FileSystem,
  location: string,
  manifest: Manifest,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(manifest)}\n`, "latin1");
  const head = `raftkv-tables ${MANIFEST_FORMAT} crc32=${hex(crc32(body))} bytes=${body.length}\n`;
  const temporary = `${manifestPath(location)}.tmp`;
  await fileSystem.writeFile(temporary, Buffer.concat([Buffer.from(head, "latin1"), body]));
  await fileSystem.rename(temporary, manifestPath(location));
  await fileSystem.syncDirectory(location);
}

function manifestPath(location: string): string {
  return join(location, "manifest");
}

function decodeManifest(bytes: Buffer, path: string): Manifest {
  const headEnd = bytes.subarray(0, HEAD_BYTES_MAX).indexOf(NEWLINE);
  const head = HEAD.exec(bytes.toString("latin1", 0, Math.max(0, headEnd)));
  if (head === null) throw new StoreCorruptError(path, "the head of a manifest", "another first line");
  const [, format = "", crc = "", length = ""] = head;
  if (Number(format) !== MANIFEST_FORMAT) {
    const message = `${path} has format ${format}, this version reads ${MANIFEST_FORMAT}: it was written by a newer version`;
    throw new StoreError("UNKNOWN_FORMAT", message);
  }
  const body = bytes.subarray(headEnd + 1);
  if (body.length !== Number(length))
    throw new StoreCorruptError(path, `${length} bytes`, String(body.length));
  const found = hex(crc32(body));
  if (found !== crc) throw new StoreCorruptError(path, `the checksum ${crc}`, found);
  const manifest: unknown = JSON.parse(body.toString("latin1"));
  if (!isManifest(manifest)) throw new StoreCorruptError(path, "the fields of a manifest", "others");
  return manifest;
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  const { next, tables } = value as Partial<Record<keyof Manifest, unknown>>;
  if (!isCount(next) || !Array.isArray(tables)) return false;
  const numbers = new Set<number>();
  for (const table of tables as Partial<Manifest["tables"][number]>[]) {
    const { number, bytes, entries } = table;
    if (!isCount(number) || !isCount(bytes) || !isCount(entries) || number >= next) return false;
    numbers.add(number);
  }
  return numbers.size === tables.length;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
