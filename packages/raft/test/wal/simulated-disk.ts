import { WalLockedError } from "raft-ts";
import type { Completion, DirectoryLock, FileSystem, LogFile } from "raft-ts";

export const SECTOR_BYTES = 512;

/** What a file holds: as programs see it, and as it would be found after a power loss. */
interface Inode {
  volatile: Buffer;
  durable: Buffer;
  /** Sectors written and not synced: a power loss keeps any of them. */
  readonly dirty: Set<number>;
}

/** Decides, at a power loss, which pending changes have reached the disk. */
export interface CrashPlan {
  sector(path: string, sector: number): boolean;
  size(path: string): boolean;
  name(path: string): boolean;
}

export const LOSE_ALL: CrashPlan = { sector: () => false, size: () => false, name: () => false };
export const KEEP_ALL: CrashPlan = { sector: () => true, size: () => true, name: () => true };

export type Operation =
  | "open"
  | "writev"
  | "datasync"
  | "sync"
  | "truncate"
  | "link"
  | "unlink"
  | "list"
  | "syncDirectory";

/**
 * When an operation takes effect and when its caller hears of it: runs `effect` once and `done` once, `effect` first.
 * Once the process is gone neither does anything.
 */
export type Pace = (operation: Operation, path: string, effect: () => void, done: () => void) => void;

/** Everything happens at the call; the caller hears of it as soon as it has let go. */
export const AT_ONCE: Pace = (_operation, _path, effect, done) => {
  effect();
  queueMicrotask(done);
};

/**
 * A disk that forgets what was not synced: per file it keeps what is durable and what is pending, by sectors of 512
 * bytes, and so for names. `powerLoss` keeps any subset of what is pending, `killProcess` leaves it pending. Each
 * process sees the disk through a mount of its own; one that is gone changes nothing more and hears nothing more.
 */
export class SimulatedDisk {
  /** Every operation in order, as "operation path". */
  readonly operations: string[] = [];
  /** Asked before each operation; an error that it returns is what the operation fails with. */
  fault: ((operation: Operation, path: string) => Error | null) | null = null;
  /** The bytes of a write that are taken, given what was asked for (W9). */
  writeLimit: (bytes: number) => number = (bytes) => bytes;
  /** The bytes that a write takes which fails. */
  failedWriteTakes: (bytes: number) => number = () => 0;
  /** Whether a sync that fails has brought this sector to the disk before. */
  failedSyncKeeps: () => boolean = () => false;
  pace: Pace = AT_ONCE;
  /** While true, datasyncs do not return until `releaseSyncs`. */
  holdSyncs = false;
  readonly held: (() => void)[] = [];
  readonly locks = new Set<string>();
  names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #nameSyncs = 0;
  #lastNameSync = 0;
  #mounted: Mount | null = null;

  get heldSyncs(): number {
    return this.held.length;
  }

  releaseSyncs(): void {
    this.holdSyncs = false;
    for (const release of this.held.splice(0)) release();
  }

  /** The disk as a new process sees it. */
  mount(): Mount {
    this.#mounted = this.intrude();
    return this.#mounted;
  }

  /** The disk as a second process sees it, beside the one that is there. */
  intrude(): Mount {
    return new Mount(this);
  }

  /** By kill -9: what the process wrote is in the page cache, and what it had not synced is still pending. */
  killProcess(): void {
    this.#mounted?.kill();
    this.locks.clear();
    this.held.length = 0;
    this.holdSyncs = false;
    this.fault = null;
  }

  /** Of what is pending, what `plan` keeps is there afterwards, and durable. */
  powerLoss(plan: CrashPlan): void {
    this.killProcess();
    for (const [path, inode] of new Map([...this.#durableNames, ...this.names])) crashFile(inode, path, plan);
    const names = new Map<string, Inode>();
    for (const path of new Set([...this.names.keys(), ...this.#durableNames.keys()])) {
      const before = this.#durableNames.get(path);
      const after = this.names.get(path);
      const inode = before === after || !plan.name(path) ? before : after;
      if (inode !== undefined) names.set(path, inode);
    }
    this.names = names;
    this.syncNames()();
  }

  /** What a sync of names does that begins now: it owes nobody what is named or removed after this. */
  syncNames(): () => void {
    const names = new Map(this.names);
    this.#nameSyncs += 1;
    const number = this.#nameSyncs;
    return () => {
      // One that began later has brought all of this to the disk, and more.
      if (number < this.#lastNameSync) return;
      this.#lastNameSync = number;
      this.#durableNames = names;
    };
  }

  /** An equal disk that shares nothing with this one. */
  clone(): SimulatedDisk {
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const made = copies.get(inode) ?? {
        volatile: Buffer.from(inode.volatile),
        durable: Buffer.from(inode.durable),
        dirty: new Set(inode.dirty),
      };
      copies.set(inode, made);
      return made;
    };
    const disk = new SimulatedDisk();
    for (const [path, inode] of this.names) disk.names.set(path, copy(inode));
    for (const [path, inode] of this.#durableNames) disk.#durableNames.set(path, copy(inode));
    return disk;
  }

  /** The sectors of each file that are written and not synced. */
  pending(): { readonly path: string; readonly sector: number }[] {
    return [...this.names].flatMap(([path, inode]) => [...inode.dirty].map((sector) => ({ path, sector })));
  }

  files(): string[] {
    return [...this.names.keys()].sort();
  }

  /** A copy of what a program would read. */
  contents(path: string): Buffer {
    return Buffer.from(this.inode(path).volatile);
  }

  /** Changes bytes of a file on the disk itself, behind everybody's back; not its length. */
  overwrite(path: string, offset: number, bytes: Buffer): void {
    const { volatile, durable } = this.inode(path);
    bytes.copy(volatile, offset);
    if (offset < durable.length) bytes.copy(durable, offset);
  }

  /** Flips one bit in that way. Done twice it is as it was. */
  flip(path: string, offset: number, bit: number): void {
    const { volatile, durable } = this.inode(path);
    for (const bytes of [volatile, durable]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
    }
  }

  /** Puts a file there, durably. */
  put(path: string, bytes: Buffer): void {
    const inode: Inode = { volatile: Buffer.from(bytes), durable: Buffer.from(bytes), dirty: new Set() };
    this.names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  remove(path: string): void {
    this.names.delete(path);
    this.#durableNames.delete(path);
  }

  inode(path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    return inode;
  }
}

/** The disk through the eyes of one process. */
export class Mount implements FileSystem {
  /** Resolves when the process is killed. */
  readonly dead: Promise<void>;
  readonly #disk: SimulatedDisk;
  #alive = true;
  #died: () => void = () => {};

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
    this.dead = new Promise((resolve) => {
      this.#died = resolve;
    });
  }

  kill(): void {
    this.#alive = false;
    this.#died();
  }

  open(path: string, access: "read" | "write" | "create"): Promise<LogFile> {
    return this.#perform("open", path, () => {
      if (access === "create") {
        this.#disk.names.set(path, { volatile: Buffer.alloc(0), durable: Buffer.alloc(0), dirty: new Set() });
      }
      return this.#file(path, this.#disk.inode(path));
    });
  }

  link(path: string, newPath: string): Promise<void> {
    return this.#perform("link", newPath, () => {
      if (this.#disk.names.has(newPath)) throw systemError("EEXIST", `link to ${newPath}`);
      this.#disk.names.set(newPath, this.#disk.inode(path));
    });
  }

  unlink(path: string): Promise<void> {
    return this.#perform("unlink", path, () => {
      this.#disk.inode(path);
      this.#disk.names.delete(path);
    });
  }

  list(dir: string): Promise<string[]> {
    return this.#perform("list", dir, () => {
      const inside = this.#disk.files().filter((path) => path.startsWith(`${dir}/`));
      return inside.map((path) => path.slice(dir.length + 1));
    });
  }

  async makeDirectory(): Promise<void> {}

  syncDirectory(dir: string): Promise<void> {
    return this.#perform("syncDirectory", dir, this.#disk.syncNames());
  }

  async lock(dir: string): Promise<DirectoryLock> {
    if (!this.#alive) return new Promise(() => {});
    if (this.#disk.locks.has(dir)) throw new WalLockedError(dir, process.pid);
    this.#disk.locks.add(dir);
    return {
      release: async () => {
        if (this.#alive) this.#disk.locks.delete(dir);
      },
    };
  }

  /** The fault, if there is one; the process may be dead afterwards. */
  #failure(operation: Operation, path: string): Error | null {
    if (!this.#alive) return null;
    this.#disk.operations.push(`${operation} ${path}`);
    return this.#disk.fault?.(operation, path) ?? null;
  }

  /** Never resolves once the process is gone. */
  #perform<T>(operation: Operation, path: string, effect: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const error = this.#failure(operation, path);
      if (!this.#alive) return;
      let outcome: { readonly value: T } | { readonly error: unknown };
      this.#disk.pace(
        operation,
        path,
        () => {
          if (!this.#alive) return;
          try {
            outcome = error === null ? { value: effect() } : { error };
          } catch (thrown) {
            outcome = { error: thrown };
          }
        },
        () => {
          if (!this.#alive) return;
          if ("value" in outcome) resolve(outcome.value);
          else reject(outcome.error);
        },
      );
    });
  }

  #file(path: string, inode: Inode): LogFile {
    const paced = (operation: Operation, effect: () => void, done: () => void): void =>
      this.#disk.pace(
        operation,
        path,
        () => this.#alive && effect(),
        () => this.#alive && done(),
      );
    return {
      writev: (buffers, position, done) => {
        const error = this.#failure("writev", path);
        if (!this.#alive) return;
        const bytes = Buffer.concat(buffers);
        const limit = error === null ? this.#disk.writeLimit : this.#disk.failedWriteTakes;
        const taken = bytes.subarray(0, limit(bytes.length));
        paced(
          "writev",
          () => write(inode, taken, position),
          () => done(error, taken.length),
        );
      },
      datasync: (done: Completion) => {
        const error = this.#failure("datasync", path);
        if (!this.#alive) return;
        const sync = this.#sync(inode, error);
        if (this.#disk.holdSyncs) {
          this.#disk.held.push(() => {
            sync();
            done(error);
          });
        } else paced("datasync", sync, () => done(error));
      },
      sync: () => {
        const error = this.#failure("sync", path);
        if (!this.#alive) return new Promise(() => {});
        const sync = this.#sync(inode, error);
        return new Promise((resolve, reject) => {
          paced("sync", sync, () => (error === null ? resolve() : reject(error)));
        });
      },
      read: async (target, position) => inode.volatile.copy(target, 0, position),
      truncate: (bytes) =>
        this.#perform("truncate", path, () => {
          inode.volatile = resize(inode.volatile, bytes);
        }),
      size: async () => inode.volatile.length,
      close: async () => {},
    };
  }

  /** What a sync does that begins now: it owes nobody what is written after this. */
  #sync(inode: Inode, error: Error | null): () => void {
    const dirty = new Set(inode.dirty);
    const length = inode.volatile.length;
    return () => {
      // As Linux does: after a failed sync the pages count as clean, wherever they are (W1).
      const keep = error === null ? (): boolean => true : this.#disk.failedSyncKeeps;
      keepSectors(inode, error === null ? length : inode.durable.length, keep, dirty);
      for (const sector of dirty) inode.dirty.delete(sector);
    };
  }
}

export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

function resize(bytes: Buffer, length: number): Buffer {
  if (length <= bytes.length) return Buffer.from(bytes.subarray(0, length));
  return Buffer.concat([bytes, Buffer.alloc(length - bytes.length)]);
}

function write(inode: Inode, bytes: Buffer, position: number): void {
  if (bytes.length === 0) return;
  const end = position + bytes.length;
  if (end > inode.volatile.length) inode.volatile = resize(inode.volatile, end);
  bytes.copy(inode.volatile, position);
  for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector += 1) {
    inode.dirty.add(sector);
  }
}

function crashFile(inode: Inode, path: string, plan: CrashPlan): void {
  const changed = inode.volatile.length !== inode.durable.length;
  const length = changed && plan.size(path) ? inode.volatile.length : inode.durable.length;
  keepSectors(inode, length, (sector) => plan.sector(path, sector), inode.dirty);
  inode.dirty.clear();
  inode.volatile = Buffer.from(inode.durable);
}

/** The file has `length` bytes on the disk, and those of the `dirty` sectors that `keep` says are as programs see them. */
function keepSectors(
  inode: Inode,
  length: number,
  keep: (sector: number) => boolean,
  dirty: ReadonlySet<number>,
): void {
  if (inode.durable.length !== length) inode.durable = resize(inode.durable, length);
  for (const sector of dirty) {
    const from = sector * SECTOR_BYTES;
    if (from < Math.min(length, inode.volatile.length) && keep(sector)) {
      inode.volatile.copy(inode.durable, from, from, Math.min(from + SECTOR_BYTES, length));
    }
  }
}
