import type { FileSystemSpace } from "../../dist/disk-space.js";

const BLOCK_BYTES = 4096;

/** What `fs.statfs` says of a disk whose room a test decides on. */
export class SmallDisk {
  totalBytes: number;
  freeBytes: number;
  looks = 0;

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
    this.freeBytes = totalBytes;
  }

  readonly statfs = async (): Promise<FileSystemSpace> => {
    this.looks += 1;
    return {
      bsize: BLOCK_BYTES,
      blocks: Math.floor(this.totalBytes / BLOCK_BYTES),
      bavail: Math.floor(this.freeBytes / BLOCK_BYTES),
    };
  };
}
