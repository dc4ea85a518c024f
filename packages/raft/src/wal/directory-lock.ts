import { open } from "node:fs/promises";
import { tryLock } from "fs-native-extensions";
import { WalLockedError } from "./errors.js";
import type { DirectoryLock } from "./file-system.js";

/**
 * Takes `<dir>/LOCK` for this process (W6). The lock is the kernel's, on the open file: it goes with the process,
 * also by kill -9, and stays with one that is merely stopped. The file holds the holder's process id as text, for the
 * message that the second one gets; an id left over from a holder that is gone keeps nobody out.
 * @throws {WalLockedError} another open file holds it, in this process or another.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  const file = await open(`${dir}/LOCK`, "a+", 0o640);
  try {
    if (!tryLock(file.fd)) {
      const pid = Number.parseInt(await file.readFile("utf8"), 10);
      throw new WalLockedError(dir, Number.isSafeInteger(pid) ? pid : null);
    }
    await file.truncate(0);
    await file.write(`${process.pid}\n`);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}
