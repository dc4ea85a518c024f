import { unescapeText } from "./arguments.js";
import { usageError } from "./errors.js";

/** @throws {CliError} USAGE, naming the option. */
export function wholeNumber(option: string, shielded: string, min = 0): number {
  const text = unescapeText(shielded);
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  const allowed = min === 0 ? "a whole number" : `a whole number from ${min} on`;
  throw usageError(`${option} is "${text}", but must be ${allowed}`);
}

/** `1 key`, `2 keys`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
