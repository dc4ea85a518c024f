import type { Client } from "@raftkv/client";
import type { Context } from "./context.js";
import { parseDuration } from "./duration.js";
import { findEndpoints, stoppedHint } from "./endpoints.js";
import { CliError } from "./errors.js";
import { EXIT, isExitCode } from "./exit-codes.js";

/** What every command that talks to a cluster takes; see commands/options.ts. */
export interface ClusterOptions {
  readonly endpoints: string | undefined;
  readonly timeout: string;
  readonly json: boolean;
}

/**
 * Runs `body` with a client of its own. Connecting and what is done then share one time limit, of which `body` is given
 * what is left.
 * @throws {CliError} what the client says, in terms of what the user typed, and with what may help.
 */
export async function withClient<T>(
  context: Context,
  options: ClusterOptions,
  body: (client: Client, timeoutMs: number) => Promise<T>,
): Promise<T> {
  const timeoutMs = parseDuration("--timeout", options.timeout);
  const endpoints = findEndpoints(options.endpoints, context.env, context.cwd);
  // Not loaded by those whose command line is wrong, nor for a help text.
  const { RaftKvError, connect } = await import("@raftkv/client");
  const deadline = performance.now() + timeoutMs;
  let leftMs = timeoutMs;
  let client: Client | null = null;
  try {
    client = await connect({
      endpoints: endpoints.map(({ address }) => address),
      timeoutMs,
      clientName: "raftkv-cli",
    });
    leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
    return await body(client, leftMs);
  } catch (error) {
    if (!(error instanceof RaftKvError)) throw error;
    const { code, exitCode } = error;
    const message = error.message.replace(`within ${leftMs} ms`, `within ${options.timeout.trim()}`);
    const hint = code === "UNAVAILABLE" ? stoppedHint(options.endpoints, context.env, context.cwd) : null;
    throw new CliError(
      code,
      isExitCode(exitCode) ? exitCode : EXIT.refused,
      hint === null ? message : `${message}; ${hint}`,
    );
  } finally {
    await client?.close();
  }
}
