export {
  CATALOG_REVISION,
  FIRST_CATALOG,
  bootstrapCatalog,
  decodeCatalog,
  encodeCatalog,
  readCatalog,
} from "./catalog.js";
export type { Catalog, Route } from "./catalog.js";
export { COMMAND_FORMAT, decodeCommand, encodeCommandInto, encodedCommandSize } from "./command.js";
export type { Command } from "./command.js";
export { CatalogFormatError, CommandFormatError } from "./errors.js";
export { StateMachine } from "./state-machine.js";
export type { CommandResult, CommittedEntry } from "./state-machine.js";
