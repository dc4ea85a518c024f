import { WalLockedError } from "raft-ts";
import type { Completion, DirectoryLock, FileSystem, LogFile } from "raft-ts";

export const SECTOR_BYTES = 512;

/** What a file holds: as programs see it, and as it would be found after a power loss. */
interface Inode {
  volatile: Buffer;
  durable: Buffer;
  /** Sectors written and not synced: a crash keeps any of them. */
  dirty: Set<number>;
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
  | "writev"
  | "datasync"
  | "sync"
  | "truncate"
  | "link"
  | "unlink"
  | "syncDirectory"
  | "open";

/**
 * A disk that forgets what was not synced. It keeps per file what is durable and what is pending, by sectors of 512
 * bytes, and so for names. `powerLoss` keeps any subset of what is pending; `killProcess` leaves it pending.
 */
export class SimulatedDisk implements FileSystem {
  /** Every operation in order, as "operation path". */
  readonly operations: string[] = [];
  /** Asked before each operation; an error that it returns is what the operation fails with. */
  fault: ((operation: Operation, path: string) => Error | null) | null = null;
  /** The bytes of a write that are taken, given what was asked for (W9). */
  writeLimit: (bytes: number) => number = (bytes) => bytes;
  /** While true, datasyncs do not return until `releaseSyncs`. */
  holdSyncs = false;
  readonly #held: (() => void)[] = [];
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #locks = new Set<string>();
  #generation = 0;

  get heldSyncs(): number {
    return this.#held.length;
  }

  releaseSyncs(): void {
    this.holdSyncs = false;
    for (const release of this.#held.splice(0)) release();
  }

  /** The process is gone, by kill -9: what it wrote is in the page cache, what it had not synced is still pending. */
  killProcess(): void {
    this.#generation += 1;
    this.#locks.clear();
    this.#held.length = 0;
    this.holdSyncs = false;
    this.fault = null;
  }

  /** Power is lost: of what is pending, what `plan` keeps is there afterwards, and durable. */
  powerLoss(plan: CrashPlan): void {
    this.killProcess();
    for (const [path, inode] of new Map([...this.#durableNames, ...this.#names]))
      crashFile(inode, path, plan);
    const names = new Map<string, Inode>();
    for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const before = this.#durableNames.get(path);
      const after = this.#names.get(path);
      const inode = before === after || !plan.name(path) ? before : after;
      if (inode !== undefined) names.set(path, inode);
    }
    this.#names = names;
    this.#durableNames = new Map(names);
  }

  /** An equal disk that shares nothing with this one. */
  clone(): SimulatedDisk {
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      let made = copies.get(inode);
      if (made === undefined) {
        made = {
          volatile: Buffer.from(inode.volatile),
          durable: Buffer.from(inode.durable),
          dirty: new Set(inode.dirty),
        };
        copies.set(inode, made);
      }
      return made;
    };
    const disk = new SimulatedDisk();
    for (const [path, inode] of this.#names) disk.#names.set(path, copy(inode));
    for (const [path, inode] of this.#durableNames) disk.#durableNames.set(path, copy(inode));
    return disk;
  }

  /** The sectors of each file that are written and not synced. */
  pending(): { path: string; sector: number }[] {
    return [...this.#names].flatMap(([path, inode]) => [...inode.dirty].map((sector) => ({ path, sector })));
  }

  files(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The bytes of a file, to look at or to damage: what is changed here is changed durably. */
  contents(path: string): Buffer {
    const inode = this.#inode(path);
    inode.durable = inode.volatile;
    inode.dirty.clear();
    return inode.volatile;
  }

  replace(path: string, bytes: Buffer): void {
    const inode: Inode = { volatile: bytes, durable: bytes, dirty: new Set() };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  remove(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  async open(path: string, access: "read" | "write" | "create"): Promise<LogFile> {
    this.#begin("open", path);
    if (access === "create")
      this.#names.set(path, { volatile: Buffer.alloc(0), durable: Buffer.alloc(0), dirty: new Set() });
    return this.#file(path, this.#inode(path));
  }

  async link(path: string, newPath: string): Promise<void> {
    this.#begin("link", newPath);
    if (this.#names.has(newPath)) throw systemError("EEXIST", `link to ${newPath}`);
    this.#names.set(newPath, this.#inode(path));
  }

  async unlink(path: string): Promise<void> {
    this.#begin("unlink", path);
    this.#inode(path);
    this.#names.delete(path);
  }

  async list(dir: string): Promise<string[]> {
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(`${dir}/`))
      .map((path) => path.slice(dir.length + 1));
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(dir: string): Promise<void> {
    this.#begin("syncDirectory", dir);
    this.#durableNames = new Map(this.#names);
  }

  async lock(dir: string): Promise<DirectoryLock> {
    if (this.#locks.has(dir)) throw new WalLockedError(dir, process.pid);
    this.#locks.add(dir);
    return {
      release: async () => {
        this.#locks.delete(dir);
      },
    };
  }

  #begin(operation: Operation, path: string): void {
    const error = this.#failure(operation, path);
    if (error !== null) throw error;
  }

  #failure(operation: Operation, path: string): Error | null {
    this.operations.push(`${operation} ${path}`);
    return this.fault?.(operation, path) ?? null;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    return inode;
  }

  /** A process that was killed hears nothing more of what it began, and changes nothing more. */
  #file(path: string, inode: Inode): LogFile {
    const generation = this.#generation;
    const alive = (): boolean => this.#generation === generation;
    const later = (run: () => void): void => queueMicrotask(() => alive() && run());
    const datasync = (done: Completion): void => {
      const error = this.#failure("datasync", path);
      const finish = (): void => {
        if (error === null) makeDurable(inode);
        done(error);
      };
      if (this.holdSyncs) this.#held.push(finish);
      else later(finish);
    };
    return {
      writev: (buffers, position, done) => {
        if (!alive()) return;
        const error = this.#failure("writev", path);
        const bytes = Buffer.concat(buffers);
        const taken = error === null ? bytes.subarray(0, this.writeLimit(bytes.length)) : Buffer.alloc(0);
        write(inode, taken, position);
        later(() => done(error, taken.length));
      },
      datasync: (done) => {
        if (alive()) datasync(done);
      },
      sync: async () => {
        this.#begin("sync", path);
        makeDurable(inode);
      },
      read: async (target, position) => inode.volatile.copy(target, 0, position),
      truncate: async (bytes) => {
        this.#begin("truncate", path);
        inode.volatile = resize(inode.volatile, bytes);
      },
      size: async () => inode.volatile.length,
      close: async () => {},
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
  // What is durable shares no memory with what is volatile once the two differ.
  if (inode.volatile === inode.durable || end > inode.volatile.length) {
    inode.volatile = resize(inode.volatile, Math.max(end, inode.volatile.length));
  }
  bytes.copy(inode.volatile, position);
  for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector += 1)
    inode.dirty.add(sector);
}

function makeDurable(inode: Inode): void {
  inode.durable = inode.volatile;
  inode.dirty.clear();
}

function crashFile(inode: Inode, path: string, plan: CrashPlan): void {
  const length =
    inode.volatile.length === inode.durable.length || plan.size(path)
      ? inode.volatile.length
      : inode.durable.length;
  const after = resize(inode.durable, length);
  for (const sector of inode.dirty) {
    if (!plan.sector(path, sector)) continue;
    const from = sector * SECTOR_BYTES;
    inode.volatile.copy(after, from, from, Math.min(from + SECTOR_BYTES, length));
  }
  inode.durable = after;
  makeDurableFrom(inode, after);
}

function makeDurableFrom(inode: Inode, bytes: Buffer): void {
  inode.volatile = bytes;
  inode.durable = bytes;
  inode.dirty.clear();
}
