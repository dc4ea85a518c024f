import { processClock } from "./clock.js";
import type { LogClock } from "./clock.js";
import type { WalEventHandler } from "./events.js";
import { WalOptionError } from "./errors.js";
import type { FileSystem } from "./file-system.js";
import { nodeFileSystem } from "./node-file-system.js";

export interface LogWriterOptions {
  /** Made where missing. */
  readonly dir: string;
  /** Size of a segment, reserved ahead: a multiple of 4,096 from 4 KiB to 1 GiB. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** A sealing batch follows after so long without a write (W3). From 1 to 60,000. Default 100. */
  readonly sealAfterMs?: number;
  /** Keep the recent entries in memory. Default true; false is WAL-only mode. */
  readonly enableMemtable?: boolean;
  /** Bound of the memtable for each group. Default 64 MiB. */
  readonly memtableBytes?: number;
  readonly fileSystem?: FileSystem;
  /** Time, for sealing. Default: the process's own. */
  readonly clock?: LogClock;
  readonly onEvent?: WalEventHandler;
  /** How long each sync of a batch took. */
  readonly onSynced?: (tookMs: number) => void;
}

const MIB = 1024 * 1024;

/** Fills in what was left out. @throws {WalOptionError} a value that cannot be; says what can. */
export function checkOptions(options: LogWriterOptions): Required<LogWriterOptions> {
  const checked = {
    dir: options.dir,
    segmentBytes: options.segmentBytes ?? 64 * MIB,
    sealAfterMs: options.sealAfterMs ?? 100,
    enableMemtable: options.enableMemtable ?? true,
    memtableBytes: options.memtableBytes ?? 64 * MIB,
    fileSystem: options.fileSystem ?? nodeFileSystem,
    clock: options.clock ?? processClock,
    onEvent: options.onEvent ?? ((): void => {}),
    onSynced: options.onSynced ?? ((): void => {}),
  };
  within("segmentBytes", checked.segmentBytes, 4096, 1024 * MIB);
  if (checked.segmentBytes % 4096 !== 0) {
    throw new WalOptionError(`segmentBytes is ${checked.segmentBytes}, it must be a multiple of 4096`);
  }
  within("sealAfterMs", checked.sealAfterMs, 1, 60_000);
  within("memtableBytes", checked.memtableBytes, 0, Number.MAX_SAFE_INTEGER);
  return checked;
}

function within(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new WalOptionError(`${name} is ${value}, it must be a whole number from ${min} to ${max}`);
}
