import { crc32 } from "node:zlib";
import { nextTurn } from "../latest-scan.js";

/** Bytes that one turn of the event loop goes over: half a millisecond (C5). A filter of 100,000,000 keys is 128 MiB. */
const BYTES_PER_TURN = 1024 * 1024;

/** Parts of [0, length), each in a turn of its own. */
export async function inTurns(
  length: number,
  act: (from: number, to: number) => void,
  perTurn = BYTES_PER_TURN,
): Promise<void> {
  for (let from = 0; from < length; from += perTurn) {
    if (from > 0) await nextTurn();
    act(from, Math.min(from + perTurn, length));
  }
}

/** The checksum of many bytes. */
export async function crcInTurns(bytes: Buffer): Promise<number> {
  let crc = 0;
  await inTurns(bytes.length, (from, to) => void (crc = crc32(bytes.subarray(from, to), crc)));
  return crc;
}
