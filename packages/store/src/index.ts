export { CheckpointFormatError } from "./checkpoint-file.js";
export type { Checkpoint, SmallState } from "./checkpoint-file.js";
export type { WhenDurable } from "./checkpointer.js";
export {
  FutureRevisionError,
  GroupAttachedError,
  InvalidFsmSyncModeError,
  InvariantViolation,
  StoreClosedError,
  StoreCorruptError,
  StoreError,
  StoreFailedError,
  StoreOpenError,
  invariant,
} from "./errors.js";
export type { MutationBatch } from "./mutation-batch.js";
export type { StoreOptions } from "./options.js";
export { Store } from "./store.js";
export type { Applied, ContentsHash, KeyValue, Mutation } from "./store.js";
export { parseFsmSyncMode } from "./sync-mode.js";
export type { FsmSyncMode } from "./sync-mode.js";
