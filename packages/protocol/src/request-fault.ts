import { describe, isCount } from "./msgpack.js";

/** One request is wrong, and is to be refused by itself. Thrown and caught within the decoder. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
  readonly code: "INVALID_ARGUMENT" | "TOO_LARGE";
  readonly limit: number | null;

  constructor(message: string, tooLarge: { readonly limit: number } | null = null) {
    super(message);
    this.code = tooLarge === null ? "INVALID_ARGUMENT" : "TOO_LARGE";
    this.limit = tooLarge === null ? null : tooLarge.limit;
  }
}

/** One sentence for both sides: a client refuses with it before it sends. */
export function tooLargeMessage(what: "key" | "value", bytes: number, limit: number): string {
  return `the ${what} has ${bytes} bytes, the cluster takes ${limit}`;
}

export function wantBytes(value: unknown, what: "key" | "value", limit: number): Buffer {
  if (!Buffer.isBuffer(value)) throw new RequestFault(`the ${what} is ${describe(value)}: bytes are wanted`);
  if (value.length > limit) throw new RequestFault(tooLargeMessage(what, value.length, limit), { limit });
  return value;
}

export function wantCount(value: unknown, name: string, max = Number.MAX_SAFE_INTEGER): number {
  if (isCount(value) && value <= max) return value;
  const upTo = max === Number.MAX_SAFE_INTEGER ? "2^53 - 1" : String(max);
  throw new RequestFault(`${name} is ${describe(value)}: a whole number from 0 to ${upTo} is wanted`);
}

/** A number that names something, so never 0. */
export function wantId(value: unknown, name: string, max = Number.MAX_SAFE_INTEGER): number {
  if (value !== 0) return wantCount(value, name, max);
  throw new RequestFault(`${name} is 0: a whole number from 1 is wanted`);
}

export function wantArray(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new RequestFault(`${name} are ${describe(value)}: an array is wanted`);
}

export function wantTuple(value: unknown, length: number, name: string): readonly unknown[] {
  if (Array.isArray(value) && value.length === length) return value as readonly unknown[];
  throw new RequestFault(`${name} is ${describe(value)}: an array of ${length} is wanted`);
}
