import { RaftKvError } from "@raftkv/protocol";
import { toMilliseconds, toSignal } from "./options.js";
import type { RequestOptions } from "./options.js";

/**
 * Waits for what goes on by itself, no longer than the options say. What is waited for is not ended by that.
 * @throws {RaftKvError} TIMEOUT, with `message`; INVALID_ARGUMENT. Or the signal's reason.
 */
export async function patiently<T>(
  waited: Promise<T>,
  options: RequestOptions,
  message: (waitMs: number) => string,
): Promise<T> {
  const waitMs = toMilliseconds("timeoutMs", options.timeoutMs, 0);
  const signal = toSignal(options.signal);
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | null = null;
  let onAbort: (() => void) | null = null;
  const ended = new Promise<never>((_, reject) => {
    if (waitMs > 0) timer = setTimeout(() => reject(new RaftKvError("TIMEOUT", message(waitMs))), waitMs);
    onAbort = () => reject(signal?.reason as Error);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([waited, ended]);
  } finally {
    if (timer !== null) clearTimeout(timer);
    if (onAbort !== null) signal?.removeEventListener("abort", onAbort);
  }
}
