import { EXIT, isExitCode } from "./exit-codes.js";
import type { ExitCode } from "./exit-codes.js";

/** What the command itself refuses or misses. Scripts match on `code`, never on the message. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What the message says, for programs: in the JSON form of the error. */
  readonly facts: Readonly<Record<string, string | number | null>>;

  constructor(code: string, exitCode: ExitCode, message: string, facts: CliError["facts"] = {}) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
    this.facts = facts;
  }
}

/** The command line or the configuration is wrong; the message says what is allowed. */
export function usageError(message: string, code = "USAGE"): CliError {
  return new CliError(code, EXIT.usage, message);
}

/** Errors of the other packages that carry a `code` but no exit code of their own. */
const EXIT_BY_CODE: Readonly<Record<string, ExitCode>> = {
  BAD_CONFIGURATION: EXIT.usage,
  BAD_FSM_SYNC_MODE: EXIT.usage,
  DAMAGED: EXIT.dataDamaged,
  FOREIGN_DATA: EXIT.usage,
  EACCES: EXIT.usage,
  ENOTDIR: EXIT.usage,
  EROFS: EXIT.usage,
};

/** An error as the command reports it. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly exitCode: ExitCode;
  readonly facts?: CliError["facts"];
}

/**
 * What to say, and what to exit with. Typed errors have a string `code`, and most an `exitCode` beside it;
 * an error without a code is a bug of ours, and says where it happened.
 */
export function reportOf(error: unknown): ErrorReport {
  if (!(error instanceof Error))
    return { code: "INTERNAL", message: String(error), exitCode: EXIT.brokenInvariant };
  const { code, exitCode } = error as { code?: unknown; exitCode?: unknown };
  if (typeof code !== "string") {
    return { code: "INTERNAL", message: error.stack ?? error.message, exitCode: EXIT.brokenInvariant };
  }
  const own = isExitCode(exitCode) ? exitCode : null;
  const report = { code, message: error.message, exitCode: own ?? EXIT_BY_CODE[code] ?? EXIT.refused };
  return error instanceof CliError ? { ...report, facts: error.facts } : report;
}
