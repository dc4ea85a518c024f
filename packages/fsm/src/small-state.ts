import { ByteReader } from "./byte-reader.js";
import { written } from "./byte-writer.js";
import type { ByteWriter } from "./byte-writer.js";
import { NewerFormatError, SmallStateFormatError } from "./errors.js";

/** What the state machine keeps beside the keys, as pieces of the checkpoint and the snapshot (F3); docs/command-format.md. */
export const SMALL_STATE_FORMAT = 2;

/** The first slice of a piece. */
export function pieceHead(): Uint8Array {
  return Uint8Array.of(SMALL_STATE_FORMAT);
}

/** A piece: its format, then what `write` writes. */
export function encodePiece(write: (writer: ByteWriter) => void): Uint8Array {
  return written((writer) => {
    writer.byte(SMALL_STATE_FORMAT);
    write(writer);
  });
}

/**
 * Reads a piece to its end; null is that of a store that never had one, and reads nothing.
 * @throws {SmallStateFormatError} it is none. @throws {NewerFormatError} a newer version wrote it.
 */
export function decodePiece(
  name: string,
  bytes: Uint8Array | null,
  read: (reader: ByteReader) => void,
): void {
  if (bytes === null) return;
  const reader = new ByteReader((message) => new SmallStateFormatError(`the piece ${name}: ${message}`));
  reader.open(bytes);
  const format = reader.byte();
  if (format > SMALL_STATE_FORMAT)
    throw new NewerFormatError(`the piece ${name}`, { format, known: SMALL_STATE_FORMAT });
  if (format !== SMALL_STATE_FORMAT)
    reader.fail(`format ${format}, this version reads ${SMALL_STATE_FORMAT}`);
  read(reader);
  reader.end();
}
