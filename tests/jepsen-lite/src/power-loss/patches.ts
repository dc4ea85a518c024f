import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A change of one compiled file of the product, made as a process loads it: nothing unsafe is in what is shipped. */
export interface Patch {
  /** URL of the compiled file. */
  readonly url: string;
  /** Stands in it exactly once. */
  readonly original: string;
  readonly replacement: string;
}

/** A patch that the product has moved on under. */
export class PatchError extends Error {
  override readonly name = "PatchError";
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** The sizes of LevelDB's memtable that are tried. */
export const MEMTABLE_BYTES = [64 * KIB, 256 * KIB, MIB, 8 * MIB, 32 * MIB] as const;

const store = (file: string): string => new URL(file, import.meta.resolve("@raftkv/store")).href;
const raft = (file: string): string => new URL(file, import.meta.resolve("raft-ts")).href;

/** LevelDB writes a memtable of this size out as a table. */
export function memtablePatch(bytes: number): Patch {
  return {
    url: store("options.js"),
    original: "writeBufferBytes: 8 * MIB",
    replacement: `writeBufferBytes: ${bytes}`,
  };
}

/** A lease falls due at half of its time (F5). */
export const EARLY_LEASES: Patch = {
  url: new URL("leases.js", import.meta.resolve("@raftkv/fsm")).href,
  original: "this.#add({ id, ttlMs, dueMs: logTimeMs + ttlMs, keys: 0, gone: false });",
  replacement: "this.#add({ id, ttlMs, dueMs: logTimeMs + Math.floor(ttlMs / 2), keys: 0, gone: false });",
};

/** What is broken on purpose, to see that a run notices. */
export const CONTROLS = {
  /** The log takes writes for durable that are not. */
  "no-fsync": [
    {
      url: raft("wal/node-file-system.js"),
      original: "fdatasync(this.#fd, done);",
      replacement: "setImmediate(done, null);",
    },
  ],
  /** Every batch tells LevelDB how far it leads, and an opening believes that instead of returning to the checkpoint (S1, S3). */
  "no-checkpoint": [
    {
      url: store("store.js"),
      original: "        this.#batchOpen = false;\n",
      replacement: `        this.#batchOpen = false;
        const pieces = new Map();
        for (const [name, slice] of this.sampleState())
          pieces.set(name, Buffer.concat([pieces.get(name) ?? Buffer.alloc(0), slice]));
        this.parts.queue.put(Buffer.from("Z"), Buffer.from(JSON.stringify({
          ...this.parts.position,
          collected: 0,
          state: [...pieces].map(([name, value]) => [name, value.toString("base64")]),
        })));\n`,
    },
    {
      url: store("open.js"),
      original: "const undoneChanges = checkpoint === null",
      replacement: `const applied = checkpoint === null ? undefined : database.getSync(Buffer.from("Z"));
        if (applied !== undefined) {
          const { state, ...position } = JSON.parse(applied.toString());
          const pieces = new Map(state.map(([name, text]) => [name, Buffer.from(text, "base64")]));
          return { database, checkpoint: { ...position, generation, state: pieces }, generation, undoneChanges: 0 };
        }
        const undoneChanges = checkpoint === null`,
    },
  ],
  /** A leader's log time runs twice as fast as its clock: the same on all replicas, and leases end before their time (F5). */
  "fast-log-time": [
    {
      url: new URL("log-clock.js", import.meta.resolve("@raftkv/fsm")).href,
      original: "Math.floor(nowMs - base.nowMs)",
      replacement: "2 * Math.floor(nowMs - base.nowMs)",
    },
  ],
} as const satisfies Readonly<Record<string, readonly Patch[]>>;

export type Control = keyof typeof CONTROLS;

/**
 * Writes the patches to `file`, and returns what a node process needs in its environment to be patched with them.
 * @throws {PatchError} an original does not stand in its file exactly once.
 */
export function patchedEnv(patches: readonly Patch[], file: string): NodeJS.ProcessEnv {
  if (patches.length === 0) return {};
  for (const { original, url } of patches) {
    const found = readFileSync(fileURLToPath(url), "utf8").split(original).length - 1;
    if (found !== 1) throw new PatchError(`"${original}" stands ${found} times in ${url}, not once`);
  }
  writeFileSync(file, JSON.stringify(patches));
  const hook = new URL("patch-hook.js", import.meta.url).href;
  return { NODE_OPTIONS: `--import=${hook}`, RAFTKV_TEST_PATCHES: pathToFileURL(file).href };
}
