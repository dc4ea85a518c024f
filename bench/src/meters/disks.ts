import { existsSync, readFileSync } from "node:fs";

/** Of /proc/diskstats, whatever the disk's own sectors are. */
const SECTOR_BYTES = 512;
const NAME = 2;
const SECTORS_WRITTEN = 9;

/**
 * What this machine has sent to its disks since it began, whoever wrote it; 0 where there is no /proc. `write_bytes` in
 * /proc/PID/io does not do: where a file's pages lie in large folios the kernel counts a whole folio each time that a few bytes
 * of it become dirty, and a log that is synced often seems to write ten times what it does.
 */
export function writtenToDisks(isDisk: (name: string) => boolean = isHardware): number {
  let statistics: string;
  try {
    statistics = readFileSync("/proc/diskstats", "utf8");
  } catch {
    return 0;
  }
  return sumOf(statistics, isDisk);
}

/** @param isDisk a partition, a loop or a mapping would count twice what its disk writes. */
export function sumOf(statistics: string, isDisk: (name: string) => boolean): number {
  let sectors = 0;
  for (const line of statistics.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (isDisk(fields[NAME] ?? "")) sectors += Number(fields[SECTORS_WRITTEN]);
  }
  return sectors * SECTOR_BYTES;
}

function isHardware(name: string): boolean {
  return name !== "" && existsSync(`/sys/block/${name}/device`);
}
