export {
  CATALOG_REVISION,
  FIRST_CATALOG,
  bootstrapCatalog,
  decodeCatalog,
  encodeCatalog,
  readCatalog,
} from "./catalog.js";
export type { Catalog, Route } from "./catalog.js";
export { NO_SESSION } from "./command.js";
export type {
  Command,
  Compare,
  CompareNumberTarget,
  CompareRelation,
  Delete,
  Envelope,
  Get,
  Op,
  Put,
  RouteChange,
  Txn,
} from "./command.js";
export { decode, encodeInto, encodedSize } from "./command-codec.js";
export type { DecodedCommand } from "./command-codec.js";
export {
  CatalogFormatError,
  CommandFormatError,
  CommandTooLargeError,
  InvalidCommandError,
  NewerFormatError,
  SmallStateFormatError,
} from "./errors.js";
export { isOneKey, rangeOfKey } from "./key-range.js";
export type { LeaseStatus } from "./leases.js";
export { LogClock } from "./log-clock.js";
export { LOG_FORMAT, LOG_FORMAT_BASE, demandKnownFormat, formatOf } from "./log-format.js";
export type { CommandResult, OpResult, RefusalCode, Refused, TxnOutcome } from "./result.js";
export { DEFAULT_SETTINGS } from "./settings.js";
export type { Settings } from "./settings.js";
export { StateMachine } from "./state-machine.js";
export type { CommittedEntry, HashPoint, StateMachineOptions } from "./state-machine.js";
export { DEFAULT_COMMAND_LIMITS, validateCommand } from "./validate-command.js";
export type { CommandLimits } from "./validate-command.js";
