export type { ChangeList, ChangesLimit } from "./change-list.js";
export { CheckpointFormatError } from "./checkpoint-file.js";
export type { Checkpoint, SmallState } from "./checkpoint-file.js";
export { hashSmallState, hashWhole } from "./contents-hash.js";
export type { WhenDurable } from "./checkpointer.js";
export {
  CompactedError,
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
export { prefixRange } from "./key-range.js";
export type { KeyRange } from "./key-range.js";
export type { Change, KeyValue } from "./key-value.js";
export type { Order } from "./latest-scan.js";
export type { LeaseKeys, LoadedKey, LoadedRange } from "./loaded-range.js";
export type { MutationBatch } from "./mutation-batch.js";
export type { StoreOptions } from "./options.js";
export type { RangeQuery, RangeResult } from "./range.js";
export type { Applied, ContentsHash, StateHash } from "./readable-store.js";
export type { StoreSizes } from "./sizes.js";
export { SnapshotDamagedError, SnapshotFormatError } from "./snapshot-chunk.js";
export { SnapshotFileError, SnapshotFileParser, encodeAbout } from "./snapshot-file.js";
export type { PlacedChunk, SnapshotAbout } from "./snapshot-file.js";
export { inspectSnapshot } from "./snapshot-inspect.js";
export type { SnapshotInspection } from "./snapshot-inspect.js";
export { discardSnapshot, installSnapshot, settleSnapshot } from "./snapshot-install.js";
export type { LogBegin } from "./snapshot-install.js";
export type { SnapshotReader } from "./snapshot-reader.js";
export { receiveSnapshot } from "./snapshot-writer.js";
export type { SnapshotWriter } from "./snapshot-writer.js";
export { collectState } from "./small-state.js";
export type { SmallStateSlices } from "./small-state.js";
export { Store } from "./store.js";
export type { AttachedGroup, Mutation, PrefixDeletion } from "./store.js";
export { parseFsmSyncMode } from "./sync-mode.js";
export type { FsmSyncMode } from "./sync-mode.js";
