import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { usageError } from "../errors.js";
import { waitUntil } from "./wait.js";

const LOCK_FILE = "cluster.lock";
const LOCK_WAIT_MS = 10_000;

function isStillThere(path: string, fd: number): boolean {
  try {
    return statSync(path).ino === fstatSync(fd).ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/**
 * Opens the file and locks it; null when another has it. The lock is the kernel's, and ends with its process: nobody ever has
 * to judge whether a lock that was left behind is dead, and two who judge at once cannot both take it.
 */
function tryOpenLocked(path: string, tryLock: (fd: number) => boolean): number | null {
  const fd = openSync(path, "a+");
  try {
    // Its holder takes the file away before it lets go: what was opened just before then is no lock any more.
    if (tryLock(fd) && isStillThere(path, fd)) {
      ftruncateSync(fd, 0);
      writeSync(fd, String(process.pid));
      return fd;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return null;
}

/** For a message; the file may be gone by now. */
function holderOf(path: string): string {
  try {
    return ` (pid ${readFileSync(path, "utf8").trim()})`;
  } catch {
    return "";
  }
}

/**
 * Runs `body` while no other command changes this cluster, whose directory is there.
 * @throws {CliError} CLUSTER_BUSY, naming the holder's pid.
 */
export async function withClusterLock<T>(directory: string, body: () => Promise<T> | T): Promise<T> {
  const path = join(directory, LOCK_FILE);
  // Loaded by those who change a cluster only: it is native code.
  const { tryLock } = await import("fs-native-extensions");
  let fd: number | null = null;
  const locked = await waitUntil(
    () => {
      fd = tryOpenLocked(path, tryLock);
      return fd !== null;
    },
    { limitMs: LOCK_WAIT_MS, everyMs: 20 },
  );
  if (!locked || fd === null) {
    throw usageError(`another raftkv command${holderOf(path)} is changing ${directory}`, "CLUSTER_BUSY");
  }
  try {
    return await body();
  } finally {
    rmSync(path, { force: true });
    closeSync(fd);
  }
}
