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
  /** While true, datasyncs do not return until `releaseSyncs`. */
  holdSyncs = false;
  readonly held: (() => void)[] = [];
  readonly locks = new Set<string>();
  names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
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
    this.#mounted = new Mount(this);
    return this.#mounted;
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
    this.syncNames();
  }

  syncNames(): void {
    this.#durableNames = new Map(this.names);
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

  async open(path: string, access: "read" | "write" | "create"): Promise<LogFile> {
    await this.#begin("open", path);
    if (access === "create") {
      this.#disk.names.set(path, { volatile: Buffer.alloc(0), durable: Buffer.alloc(0), dirty: new Set() });
    }
    return this.#file(path, this.#disk.inode(path));
  }

  async link(path: string, newPath: string): Promise<void> {
    await this.#begin("link", newPath);
    if (this.#disk.names.has(newPath)) throw systemError("EEXIST", `link to ${newPath}`);
    this.#disk.names.set(newPath, this.#disk.inode(path));
  }

  async unlink(path: string): Promise<void> {
    await this.#begin("unlink", path);
    this.#disk.inode(path);
    this.#disk.names.delete(path);
  }

  async list(dir: string): Promise<string[]> {
    await this.#begin("list", dir);
    const inside = this.#disk.files().filter((path) => path.startsWith(`${dir}/`));
    return inside.map((path) => path.slice(dir.length + 1));
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(dir: string): Promise<void> {
    await this.#begin("syncDirectory", dir);
    this.#disk.syncNames();
  }

  async lock(dir: string): Promise<DirectoryLock> {
    if (this.#disk.locks.has(dir)) throw new WalLockedError(dir, process.pid);
    this.#disk.locks.add(dir);
    return {
      release: async () => {
        this.#disk.locks.delete(dir);
      },
    };
  }

  /** The fault, if there is one; the process may be dead afterwards. */
  #failure(operation: Operation, path: string): Error | null {
    if (!this.#alive) return null;
    this.#disk.operations.push(`${operation} ${path}`);
    return this.#disk.fault?.(operation, path) ?? null;
  }

  async #begin(operation: Operation, path: string): Promise<void> {
    const error = this.#failure(operation, path);
    if (!this.#alive) await new Promise(() => {});
    if (error !== null) throw error;
  }

  #file(path: string, inode: Inode): LogFile {
    const later = (run: () => void): void => queueMicrotask(() => this.#alive && run());
    return {
      writev: (buffers, position, done) => {
        const error = this.#failure("writev", path);
        if (!this.#alive) return;
        const bytes = Buffer.concat(buffers);
        const taken =
          error === null ? bytes.subarray(0, this.#disk.writeLimit(bytes.length)) : Buffer.alloc(0);
        write(inode, taken, position);
        later(() => done(error, taken.length));
      },
      datasync: (done: Completion) => {
        const error = this.#failure("datasync", path);
        if (!this.#alive) return;
        const finish = (): void => {
          // As Linux does: after a failed sync the pages count as clean, and are on no disk (W1).
          if (error === null) makeDurable(inode);
          else inode.dirty.clear();
          done(error);
        };
        if (this.#disk.holdSyncs) this.#disk.held.push(finish);
        else later(finish);
      },
      sync: async () => {
        await this.#begin("sync", path);
        makeDurable(inode);
      },
      read: async (target, position) => inode.volatile.copy(target, 0, position),
      truncate: async (bytes) => {
        await this.#begin("truncate", path);
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
  if (end > inode.volatile.length) inode.volatile = resize(inode.volatile, end);
  bytes.copy(inode.volatile, position);
  for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector += 1) {
    inode.dirty.add(sector);
  }
}

function makeDurable(inode: Inode): void {
  keepSectors(inode, inode.volatile.length, () => true);
}

function crashFile(inode: Inode, path: string, plan: CrashPlan): void {
  const changed = inode.volatile.length !== inode.durable.length;
  const length = changed && plan.size(path) ? inode.volatile.length : inode.durable.length;
  keepSectors(inode, length, (sector) => plan.sector(path, sector));
  inode.volatile = Buffer.from(inode.durable);
}

function keepSectors(inode: Inode, length: number, keep: (sector: number) => boolean): void {
  if (inode.durable.length !== length) inode.durable = resize(inode.durable, length);
  for (const sector of inode.dirty) {
    const from = sector * SECTOR_BYTES;
    if (from < length && keep(sector)) {
      inode.volatile.copy(inode.durable, from, from, Math.min(from + SECTOR_BYTES, length));
    }
  }
  inode.dirty.clear();
}
