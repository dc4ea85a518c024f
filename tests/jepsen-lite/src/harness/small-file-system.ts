import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BALLAST = "ballast";

/** A real file system of a few MiB, mounted for a test. */
export interface SmallFileSystem {
  readonly kind: "ext4" | "tmpfs";
  readonly path: string;
  /** Takes all its room but so much. */
  fill(leftBytes: number): Promise<void>;
  /** Gives back what `fill` took. */
  empty(): void;
  /** Unmounts it, and takes it away with all that it holds. */
  remove(): void;
}

/** Returns why there can be none here, as a string: mounting is for root. An ext4 in a file where that can be, else a tmpfs. */
export function mountSmallFileSystem(mib: number): SmallFileSystem | string {
  if (process.platform !== "linux")
    return `mounting a small file system is for Linux, this is ${process.platform}`;
  const dir = mkdtempSync(join(tmpdir(), "raftkv-small-"));
  const path = join(dir, "mounted");
  mkdirSync(path);
  const image = join(dir, "image");
  const file = openSync(image, "w");
  ftruncateSync(file, mib * 1024 * 1024);
  closeSync(file);
  const mounted = (kind: SmallFileSystem["kind"]): SmallFileSystem => ({
    kind,
    path,
    fill: async (leftBytes) => {
      const { bavail, bsize } = await statfs(path);
      const taken = bavail * bsize - leftBytes;
      if (taken > 0) await writeFile(join(path, BALLAST), Buffer.alloc(taken, "x"));
    },
    empty: () => rmSync(join(path, BALLAST), { force: true }),
    remove: () => {
      run("umount", path);
      rmSync(dir, { recursive: true, force: true });
    },
  });
  // No blocks kept for root: a test that runs as root would meet another end of the disk than a node in its service.
  if (run("mkfs.ext4", "-q", "-F", "-m", "0", image) && run("mount", "-o", "loop", image, path))
    return mounted("ext4");
  if (run("mount", "-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path)) return mounted("tmpfs");
  rmSync(dir, { recursive: true, force: true });
  return "a small file system cannot be mounted here: that takes root and the right to mount";
}

function run(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
