import { UsageError } from "./options.js";

export const EXIT_USAGE = 2;
export const EXIT_FAILED = 3;
/** As a shell says it of a program that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

/**
 * Runs a command of this folder: its exit code, its errors in one line, and Ctrl-C, upon which the signal is aborted, so
 * that everything that was started is taken away again; a second one does not wait for that.
 */
export async function runCommand(
  help: string,
  body: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(EXIT_INTERRUPTED);
      stopping.abort();
    });
  }
  try {
    process.exitCode = await body(stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) {
      process.stderr.write("interrupted\n");
      process.exitCode = EXIT_INTERRUPTED;
      return;
    }
    const isUsage = error instanceof UsageError;
    process.stderr.write(`error: ${(error as Error).message}\n${isUsage ? `\n${help}` : ""}`);
    process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED;
  }
}
