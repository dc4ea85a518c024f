import { RaftKvError } from "@raftkv/protocol";

/** A key or a value as an application has it. Strings are stored as UTF-8. */
export type Bytes = string | Uint8Array;

/**
 * @throws {RaftKvError} INVALID_ARGUMENT for anything but a string or a Uint8Array, and for a string with half of a
 *   surrogate pair: UTF-8 has no form for it, so two different keys would become one.
 */
export function toBytes(what: "key" | "value", bytes: unknown): Uint8Array {
  if (typeof bytes === "string") {
    if ((bytes as WellFormedness).isWellFormed()) return Buffer.from(bytes, "utf8");
    throw new RaftKvError("INVALID_ARGUMENT", `the ${what} is a string with half of a surrogate pair in it`);
  }
  if (bytes instanceof Uint8Array) return bytes;
  throw new RaftKvError(
    "INVALID_ARGUMENT",
    `the ${what} is ${bytes === null ? "null" : typeof bytes}: a string or a Uint8Array is wanted`,
  );
}

/** In Node.js since 20, in TypeScript's library from es2024 on. */
type WellFormedness = string & { isWellFormed(): boolean };
