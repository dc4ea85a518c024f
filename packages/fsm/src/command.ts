import { CommandFormatError } from "./errors.js";

/** What an entry of the log asks the state machine to do. Keys and values are bytes. */
export type Command =
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: Uint8Array };

/**
 * The bytes of a command, the body of its entry. Encoded once by whoever proposes it, straight into the entry's frame.
 *
 *     offset  size  field
 *          0     1  format, 1
 *          1     1  kind: 1 put, 2 delete
 *          2     4  length of the key, unsigned, little-endian
 *          6     …  key
 *          …     …  value, up to the end (put only)
 */
export const COMMAND_FORMAT = 1;
const PUT = 1;
const DELETE = 2;
const HEADER_BYTES = 6;

/** Bytes that `encodeCommandInto` will write. */
export function encodedCommandSize(command: Command): number {
  const size = HEADER_BYTES + command.key.length;
  return command.kind === "put" ? size + command.value.length : size;
}

/** Writes the command at `offset`; the caller has made room for `encodedCommandSize`. */
export function encodeCommandInto(command: Command, target: Uint8Array, offset: number): void {
  const { key } = command;
  target[offset] = COMMAND_FORMAT;
  target[offset + 1] = command.kind === "put" ? PUT : DELETE;
  for (let i = 0; i < 4; i++) target[offset + 2 + i] = (key.length >>> (8 * i)) & 0xff;
  target.set(key, offset + HEADER_BYTES);
  if (command.kind === "put") target.set(command.value, offset + HEADER_BYTES + key.length);
}

/**
 * Reads a command. Key and value are views of `bytes`.
 * @throws {CommandFormatError} it is none, or of a newer format.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  if (bytes.length < HEADER_BYTES) {
    throw new CommandFormatError(`a command has at least ${HEADER_BYTES} bytes, found ${bytes.length}`);
  }
  const format = bytes[0];
  if (format !== COMMAND_FORMAT) {
    throw new CommandFormatError(`command format ${format}, this version reads ${COMMAND_FORMAT}`);
  }
  const keyLength = readLength(bytes);
  const keyEnd = HEADER_BYTES + keyLength;
  if (keyEnd > bytes.length) {
    throw new CommandFormatError(`a key of ${keyLength} bytes in a command of ${bytes.length}`);
  }
  const key = bytes.subarray(HEADER_BYTES, keyEnd);
  switch (bytes[1]) {
    case PUT:
      return { kind: "put", key, value: bytes.subarray(keyEnd) };
    case DELETE:
      if (keyEnd < bytes.length) {
        throw new CommandFormatError(`${bytes.length - keyEnd} bytes behind the key of a delete`);
      }
      return { kind: "delete", key };
    default:
      throw new CommandFormatError(`command kind ${bytes[1]} is none of ${PUT}, ${DELETE}`);
  }
}

function readLength(bytes: Uint8Array): number {
  const [low = 0, second = 0, third = 0, high = 0] = bytes.subarray(2, HEADER_BYTES);
  return low + second * 2 ** 8 + third * 2 ** 16 + high * 2 ** 24;
}
