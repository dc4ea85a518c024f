export type { LogClock } from "./clock.js";
export type { DeletedSegments } from "./compaction.js";
export { DurabilityNotifier } from "./durability-notifier.js";
export type { DurabilityCallback } from "./durability-notifier.js";
export {
  LogCompactedError,
  LogCorruptError,
  LogRangeError,
  MemtableDisabledError,
  WalClosedError,
  WalCorruptError,
  WalEpochError,
  WalError,
  WalFormatError,
  WalLockedError,
  WalOptionError,
  WalPoisonedError,
} from "./errors.js";
export type { DamagePlace } from "./errors.js";
export type { WalEvent, WalEventHandler } from "./events.js";
export type { Completion, DirectoryLock, FileSystem, LogFile } from "./file-system.js";
export { nodeFileSystem } from "./node-file-system.js";
export { inspectLog } from "./inspect.js";
export type { InspectedRecord, InspectOptions, Inspection } from "./inspect.js";
export type { LogWriterOptions } from "./options.js";
export type { RecoveredShapes } from "./shapes.js";
export type { GroupStats, WalStats } from "./stats.js";
export type { LogBatch, RecoveredGroup } from "./types.js";
export { LogWriter } from "./writer.js";
