import { parseArgs } from "node:util";

/** A wrong command line; the message says what is allowed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

export type Values = Readonly<Record<string, string | undefined>>;

/**
 * Options that take a value, and those that do not, which have "true". Null when help was asked for.
 * @throws {UsageError}
 */
export function parseValues(
  args: readonly string[],
  { texts, flags }: { readonly texts: readonly string[]; readonly flags: readonly string[] },
): Values | null {
  const options: Record<string, { type: "string" | "boolean" }> = { help: { type: "boolean" } };
  for (const name of texts) options[name] = { type: "string" };
  for (const name of flags) options[name] = { type: "boolean" };
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values["help"] === true) return null;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

/** @throws {UsageError} */
export function number(name: string, value: string, min: number, max: number): number {
  const parsed = Number(value);
  if (value.trim() !== "" && parsed >= min && parsed <= max) return parsed;
  throw new UsageError(`--${name} ${value}: a number from ${min} to ${max} is wanted`);
}

/** @throws {UsageError} */
export function integer(name: string, value: string, min: number, max: number): number {
  const parsed = number(name, value, min, max);
  if (Number.isInteger(parsed)) return parsed;
  throw new UsageError(`--${name} ${value}: a whole number is wanted`);
}

/** Names separated by commas, each of them allowed. @throws {UsageError} */
export function names(name: string, value: string, allowed: readonly string[]): string[] {
  const found = value === "" || value === "none" ? [] : value.split(",");
  for (const each of found) {
    if (!allowed.includes(each)) {
      throw new UsageError(`--${name}: there is no "${each}"; there are ${allowed.join(", ")}`);
    }
  }
  return found;
}
