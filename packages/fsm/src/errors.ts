/** Bytes that are no command, or one of a version that this program does not know. Says what and where. */
export class CommandFormatError extends Error {
  override readonly name = "CommandFormatError";
  readonly code = "BAD_COMMAND";
}

/** The catalog in the store is not one that this program wrote. */
export class CatalogFormatError extends Error {
  override readonly name = "CatalogFormatError";
  readonly code = "BAD_CATALOG";
}
