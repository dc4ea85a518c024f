import { exitCodeOf } from "@raftkv/node";
import { CliError } from "./errors.js";
import { isExitCode } from "./exit-codes.js";

/** Runs what opens a node's directory: its typed errors get the exit codes that the node has for them. @throws {CliError} */
export async function withNodeErrors<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    const exitCode = exitCodeOf(error);
    if (!(error instanceof Error) || typeof code !== "string" || !isExitCode(exitCode)) throw error;
    throw new CliError(code, exitCode, error.message);
  }
}
