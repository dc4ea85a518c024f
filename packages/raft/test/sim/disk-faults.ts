import { Random } from "./random.js";

/**
 * What the disk under the real log does beside losing what was not synced. With how likely it is drawn: for a call, for
 * an opening, or (`secondOpener`) how often within a mean time of the nemesis.
 */
export const DISK_FAULTS = {
  writeFailure: ["a write fails with EIO, after a part of it (W1)", 0.0003, 0.003],
  noSpace: ["a write, or a new name, fails with ENOSPC (W1, W12)", 0.0003, 0.003],
  callFailure: ["an open, a truncate, a link, a removal or a listing fails with EIO", 0.0001, 0.001],
  powerLossInCall: ["power is lost in the middle of a call of the log (W3, W4, W5)", 0.0005, 0.01],
  shortWrite: ["the system takes a part of a write (W9)", 0.01, 0.5],
  bitFlip: ["a bit flips before the last two batches, while nobody has the log open (W2, W3)", 0.02, 0.3],
  foreignBatch: ["a batch of another segment stands behind the last one (W2)", 0.02, 0.3],
  staleSegment: ["a segment of an earlier epoch stands behind the last one (W6)", 0.02, 0.3],
  secondOpener: ["a second process opens the directory (W6)", 0.1, 2],
} as const satisfies Readonly<Record<string, readonly [string, number, number]>>;

export type DiskFault = keyof typeof DISK_FAULTS;

export const DISK_FAULT_NAMES = Object.keys(DISK_FAULTS) as readonly DiskFault[];

export function isDiskFault(name: string): name is DiskFault {
  return Object.hasOwn(DISK_FAULTS, name);
}

/** What comes of faults and of use, counted: each must have come in a long run. */
export const DISK_TALLIES = {
  openings: "openings that came to an end",
  batches: "batches written and synced",
  rotations: "segments begun by a writer at work",
  segmentsDeleted: "segments deleted by a compaction (W5)",
  tornWrites: "power losses that took some sectors of a write and left others (W3)",
  tornTails: "torn tails cut off (W3)",
  sectorsLost: "sectors written and not synced that a power loss took",
  namesLost: "names made or removed and not synced that a power loss took back (W4)",
  failures: "processes that died of their log (W1)",
  refusals: "openings refused because of damage (W3, W6)",
  entriesRead: "entries read back after an opening, and compared",
} as const satisfies Readonly<Record<string, string>>;

export type DiskTally = keyof typeof DISK_TALLIES;

export const DISK_TALLY_NAMES = Object.keys(DISK_TALLIES) as readonly DiskTally[];

/** How a run uses the real log, and what its disks do. */
export interface DiskParameters {
  readonly segmentBytes: number;
  readonly sealAfterMs: number;
  readonly enableMemtable: boolean;
  readonly memtableBytes: number;
  /** 0: off. */
  readonly faults: Readonly<Record<DiskFault, number>>;
}

/** From a stream of its own, so that a seed is the same run in everything else over either log. */
export function drawDisk(seed: number, without: readonly string[]): DiskParameters {
  const random = new Random(seed, "disk");
  const calm = random.chance(0.1);
  const faults = {} as Record<DiskFault, number>;
  for (const fault of DISK_FAULT_NAMES) {
    const [, low, high] = DISK_FAULTS[fault];
    const isOn = random.chance(0.5);
    const strength = random.magnitude(low, high);
    faults[fault] = isOn && !calm && !without.includes(fault) ? strength : 0;
  }
  return {
    // Small, so that they are changed and deleted often.
    segmentBytes: random.pick([4096, 4096, 8192, 16_384]),
    sealAfterMs: random.pick([1, 5, 50]),
    enableMemtable: random.chance(0.5),
    memtableBytes: random.pick([0, 2_000, 1024 * 1024]),
    faults,
  };
}
