import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { usageError } from "../errors.js";

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}

function isDirectory(path: string): boolean {
  return isThere(path) && statSync(path).isDirectory();
}

/**
 * Makes a directory and what is missing above it; returns those that were made, the outermost first. One by one: where
 * nothing can be made (`/proc/x`), the recursive way of Node.js never ends.
 * @throws {CliError} NOT_EMPTY: a file is in its place; BAD_DIRECTORY: it cannot be made.
 */
export function makeDirectory(path: string): readonly string[] {
  const missing: string[] = [];
  for (let at = path; !isThere(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  if (missing.length === 0 && !isDirectory(path)) {
    throw usageError(`${path} is a file and no directory: name another --dir`, "NOT_EMPTY");
  }
  const made: string[] = [];
  for (const directory of missing) {
    try {
      mkdirSync(directory);
      made.push(directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another command was quicker.
      if (code === "EEXIST" && isDirectory(directory)) continue;
      removeEmpty(made);
      throw usageError(`${path} cannot be made: mkdir ${directory} fails with ${code}`, "BAD_DIRECTORY");
    }
  }
  return made;
}

/** Removes what `makeDirectory` made, as far as nobody has put anything into it. */
export function removeEmpty(made: readonly string[]): void {
  for (const directory of made.toReversed()) {
    try {
      rmdirSync(directory);
    } catch {
      return;
    }
  }
}
