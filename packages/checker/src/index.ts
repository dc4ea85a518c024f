/**
 * Judges histories: what clients asked, what they were told, and in which order. Plain functions without I/O.
 * The format and what each check proves: `docs/histories.md`.
 */
export type * from "./history.js";
export { HistoryError } from "./errors.js";
export { HistoryRecorder } from "./recorder.js";
export type { Answer, Invocation } from "./recorder.js";
export { HistoryParser, formatHistory, parseHistory } from "./history-lines.js";
export { validateHistory } from "./validate.js";
export type { Identity, KeyModel, Model } from "./model.js";
export { UNSEEN } from "./model.js";
export { registerModel } from "./models/register.js";
export { kvModel } from "./models/kv.js";
export type { KvState } from "./models/kv.js";
export { stringModel } from "./models/string.js";
export type { StringState } from "./models/string.js";
export { checkLinearizability } from "./linearizability.js";
export type { CheckOptions, LinearizabilityResult } from "./linearizability.js";
export type { Violation } from "./explain.js";
export { describeViolation } from "./report.js";
export { describeOperation, summarize } from "./summarize.js";
export { checkListAppend } from "./transactions/list-append.js";
export type {
  Dependency,
  ListAppendResult,
  TransactionAnomaly,
  TransactionFinding,
} from "./transactions/list-append.js";
export { checkSet } from "./set.js";
export type { SetFinding, SetResult } from "./set.js";
export { checkCounter } from "./counter.js";
export type { CounterFinding, CounterResult } from "./counter.js";
export { checkRevisions } from "./revisions.js";
export type { RevisionFinding, RevisionsResult } from "./revisions.js";
export { checkBank } from "./bank.js";
export type { BankFinding, BankResult, OpeningBalances } from "./bank.js";
export { checkAppenders } from "./appender.js";
export type { AppenderFinding, AppenderResult } from "./appender.js";
export { checkLock } from "./lock.js";
export type { LockFinding, LockOptions, LockResult } from "./lock.js";
export { checkLeases } from "./lease.js";
export type { LeaseFinding, LeaseOptions, LeaseResult } from "./lease.js";
export { checkWatches } from "./watch.js";
export type { WatchFinding, WatchResult } from "./watch.js";
