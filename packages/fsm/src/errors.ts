/** Bytes that are no command, or one of a version that this program does not know. Says what and where. */
export class CommandFormatError extends Error {
  override readonly name = "CommandFormatError";
  readonly code = "BAD_COMMAND";
}

/** An entry, or a piece of the small state, that a newer version of this program wrote. Names both formats. */
export class NewerFormatError extends Error {
  override readonly name = "NewerFormatError";
  readonly code = "NEWER_FORMAT";
  readonly format: number;

  constructor(what: string, { format, known }: { readonly format: number; readonly known: number }) {
    super(
      `${what} is of format ${format}, and this version understands formats up to ${known}: ` +
        "start the version that wrote it, or a newer one",
    );
    this.format = format;
  }
}

/** The catalog in the store is not one that this program wrote. */
export class CatalogFormatError extends Error {
  override readonly name = "CatalogFormatError";
  readonly code = "BAD_CATALOG";
}

/** A piece of the small state in the checkpoint is not one that this program wrote. */
export class SmallStateFormatError extends Error {
  override readonly name = "SmallStateFormatError";
  readonly code = "BAD_SMALL_STATE";
}

/** A command that is above a limit of admission: nothing was proposed. A retry would meet the same limit. */
export class CommandTooLargeError extends Error {
  override readonly name = "CommandTooLargeError";
  readonly code = "TOO_LARGE";
  /** The name of the limit, as in `CommandLimits`. */
  readonly limit: string;
  readonly max: number;
  readonly found: number;

  constructor(limit: string, facts: { readonly max: number; readonly found: number; readonly what: string }) {
    super(`${facts.what}: ${facts.found}, and ${limit} allows ${facts.max}`);
    this.limit = limit;
    this.max = facts.max;
    this.found = facts.found;
  }
}

/** A command that makes no sense: nothing was proposed. */
export class InvalidCommandError extends Error {
  override readonly name = "InvalidCommandError";
  readonly code = "INVALID_ARGUMENT";
}
