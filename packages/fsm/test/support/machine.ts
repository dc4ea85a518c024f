import { NO_SESSION, encodeInto, encodedSize, rangeOfKey } from "@raftkv/fsm";
import type { Command, CommittedEntry } from "@raftkv/fsm";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
export const put = (key: string, value: string): Command => ({
  kind: "put",
  key: bytes(key),
  value: bytes(value),
  lease: 0,
  wantPrevious: false,
});
export const del = (key: string): Command => ({
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
