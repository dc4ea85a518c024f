import { NO_SESSION, encodeInto, encodedSize, rangeOfKey } from "@raftkv/fsm";
import type { Command, CommittedEntry, Compare, Delete, Get, Op, Put, Txn } from "@raftkv/fsm";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

type TxnOp = Txn & { readonly kind: "txn" };

const made: string[] = [];

/** A new directory, removed by `removeDirectories`. */
export async function makeDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "raftkv-fsm-"));
  made.push(path);
  return path;
}

/** For `afterEach`. */
export async function removeDirectories(): Promise<void> {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
}

export const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
export const put = (key: string, value: string): Put => ({
  kind: "put",
  key: bytes(key),
  value: bytes(value),
  lease: 0,
  wantPrevious: false,
});
/** The same with a lease, or asking for what was there before. */
export const putWith = (
  key: string,
  value: string,
  { lease = 0, wantPrevious = false }: { readonly lease?: number; readonly wantPrevious?: boolean },
): Put => ({ kind: "put", key: bytes(key), value: bytes(value), lease, wantPrevious });
/** Up to `end`, which is not part of it; null: to the last key. */
export const delRange = (start: string, end: string | null, wantPrevious = false): Delete => ({
  kind: "delete",
  range: { start: bytes(start), end: end === null ? null : bytes(end) },
  wantPrevious,
});
export const del = (key: string): Delete => ({
  kind: "delete",
  range: rangeOfKey(bytes(key)),
  wantPrevious: false,
});

/** An entry of term 1 with a command, or with none. */
export function entry(index: number, command: Command | "noop" | "configuration"): CommittedEntry {
  if (command === "noop" || command === "configuration") {
    return { index, term: 1, kind: command, body: new Uint8Array([1, 2, 3]) };
  }
  const body = new Uint8Array(encodedSize(command, NO_SESSION));
  encodeInto(command, NO_SESSION, 0, body, 0);
  return { index, term: 1, kind: "command", body };
}

/** Entries from `from` on. */
export function entries(
  from: number,
  commands: readonly (Command | "noop" | "configuration")[],
): CommittedEntry[] {
  return commands.map((command, i) => entry(from + i, command));
}

/** A get inside a transaction; `end` null: of the one key. */
export const get = (start: string, end: string | null = null, given: Partial<Get> = {}): Get => ({
  kind: "get",
  range: end === null ? rangeOfKey(bytes(start)) : { start: bytes(start), end: bytes(end) },
  limit: 0,
  order: "ascending",
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
  ...given,
});
export const txn = (
  compares: readonly Compare[],
  then: readonly Op[],
  otherwise: readonly Op[] = [],
): TxnOp => ({
  kind: "txn",
  compares,
  then,
  else: otherwise,
});
