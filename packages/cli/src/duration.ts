import { unescapeText } from "./arguments.js";
import { usageError } from "./errors.js";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** Timers of 2^31 ms or more fire at once (J). */
const DURATION_MS_MAX = 2 ** 31 - 1;

/**
 * `500ms`, `5s`, `1.5m`, `1h` -> milliseconds, from 1 ms to 24 days.
 * @throws {CliError} USAGE, naming the option.
 */
export function parseDuration(option: string, shielded: string): number {
  const text = unescapeText(shielded);
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  const unit = UNIT_MS[match?.[2] ?? ""];
  if (match !== null && unit !== undefined) {
    const value = Math.round(Number(match[1]) * unit);
    if (value >= 1 && value <= DURATION_MS_MAX) return value;
  }
  throw usageError(
    `${option} is "${text}", but must be a time from 1ms to 24 days, in ms, s, m or h, as in 500ms, 5s, 1.5m, 576h`,
  );
}

/** 90_000 -> "1.5m", 66_110 -> "1.1m": a short text that `parseDuration` reads back, to one hundredth of its unit at most. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${durationMs}ms`;
  if (durationMs < 60_000) return `${hundredths(durationMs / 1_000)}s`;
  return `${hundredths(durationMs / 60_000)}m`;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
