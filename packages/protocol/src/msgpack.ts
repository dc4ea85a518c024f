import { Unpackr } from "msgpackr";
import { ProtocolError } from "./errors.js";
import { shapeFault } from "./shape.js";

// Plain MessagePack, so that a client in any language can speak it: no records, and 64-bit integers as numbers,
// because every index and revision is exact below 2^53.
const unpackr = new Unpackr({ useRecords: false, int64AsType: "number" });

/**
 * Decodes one frame, an array. Byte strings in it are views of `bytes`, not copies (J): who keeps one copies it.
 * @throws {ProtocolError} `bytes` is anything else (C6).
 */
export function unpackArray(bytes: Buffer): readonly unknown[] {
  const fault = shapeFault(bytes);
  if (fault !== null) throw new ProtocolError(fault);
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch (error) {
    throw new ProtocolError(`the frame cannot be decoded: ${String(error)}`, error);
  }
  if (!Array.isArray(value)) throw new ProtocolError(`a frame is an array, this is ${describe(value)}`);
  return value as readonly unknown[];
}

/** An upper bound of the bytes that `value` takes when it is encoded. */
export function packedBytesMax(value: unknown): number {
  if (value instanceof Uint8Array) return value.length + 5;
  if (typeof value === "string") return value.length * 3 + 5;
  if (!Array.isArray(value)) return 9;
  let size = 5;
  for (const item of value as readonly unknown[]) size += packedBytesMax(item);
  return size;
}

/** A value as an error message shows it: short, and without its bytes. */
export function describe(value: unknown): string {
  if (value === null) return "nil";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return `a value of type ${typeof value}`;
}

/** A whole number in [0, 2^53). */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** @throws {ProtocolError} it is no whole number in [0, 2^53). */
export function count(value: unknown, name: string): number {
  if (isCount(value)) return value;
  throw new ProtocolError(`${name} is ${describe(value)}: a whole number from 0 to 2^53 - 1 is wanted`);
}

/** @throws {ProtocolError} it is no string. */
export function text(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new ProtocolError(`${name} is ${describe(value)}: a string is wanted`);
}

/** @throws {ProtocolError} it is no array of exactly `length` elements. */
export function tuple(value: unknown, length: number, name: string): readonly unknown[] {
  if (Array.isArray(value) && value.length === length) return value as readonly unknown[];
  throw new ProtocolError(`${name} is ${describe(value)}: an array of ${length} is wanted`);
}
