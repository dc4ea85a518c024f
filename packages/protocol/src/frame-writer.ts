/**
 * Writes the small part of MessagePack that travels (docs/protocol.md). A general encoder takes two to four times as long, and the
 * frames of a put and of its reply are written for every single one. Frames are cut from slabs, with room in front for the
 * head that WebSocket wants, so that head and frame leave in one piece.
 */
const SLAB_BYTES = 64 * 1024;
/** The longest head of a WebSocket frame (RFC 6455, 5.2): kind, length, mask. */
export const HEAD_BYTES_MAX = 14;
/** Longer byte strings are copied by the engine, shorter ones in a loop. */
const LOOP_BYTES_MAX = 24;
/** What a number, or the head of anything else, takes at most. */
const HEAD_OF_VALUE_BYTES = 9;

declare const roomInFront: unique symbol;

/** One frame, encoded, with HEAD_BYTES_MAX bytes in front of it that nobody else uses. */
export type PackedFrame = Buffer & { readonly [roomInFront]: true };

/** One frame at a time, and it never yields, so one slab is enough. */
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
/** Where the frame begins that is being written, and where its next byte goes. */
let start = 0;
let at = 0;
/** A large frame has a slab for itself: meanwhile this is the one that the others are cut from, and where it is free. */
let shared = slab;
let sharedAt = 0;

/** Encodes plain arrays, numbers, strings, booleans, nulls and bytes. The result is the caller's to keep. */
export function pack(value: readonly unknown[]): PackedFrame {
  slab = shared;
  at = sharedAt;
  if (at + HEAD_BYTES_MAX + HEAD_OF_VALUE_BYTES > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    shared = slab;
    at = 0;
  }
  start = at + HEAD_BYTES_MAX;
  at = start;
  writeArray(value);
  if (slab === shared) sharedAt = at;
  return slab.subarray(start, at) as PackedFrame;
}

/**
 * The frame with the head of a WebSocket message in front of it, binary and whole. A client's is masked, with zeros, which leave
 * the bytes as they are.
 */
export function withHead(frame: PackedFrame, masked: boolean): Buffer {
  const { length } = frame;
  const lengthBytes = length < 126 ? 0 : length < 0x1_00_00 ? 2 : 8;
  const headBytes = 2 + lengthBytes + (masked ? 4 : 0);
  const whole = Buffer.from(frame.buffer, frame.byteOffset - headBytes, headBytes + length);
  const maskBit = masked ? 0x80 : 0;
  whole[0] = 0x82;
  if (lengthBytes === 0) whole[1] = maskBit | length;
  else if (lengthBytes === 2) {
    whole[1] = maskBit | 126;
    whole.writeUInt16BE(length, 2);
  } else {
    whole[1] = maskBit | 127;
    whole.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    whole.writeUInt32BE(length % 2 ** 32, 6);
  }
  if (masked) whole.fill(0, headBytes - 4, headBytes);
  return whole;
}

function write(value: unknown): void {
  if (typeof value === "number") writeNumber(value);
  else if (value instanceof Uint8Array) writeBytes(value);
  else if (Array.isArray(value)) writeArray(value as readonly unknown[]);
  else if (value === null) writeByte(0xc0);
  else if (typeof value === "boolean") writeByte(value ? 0xc3 : 0xc2);
  else if (typeof value === "string") writeText(value);
  else throw new TypeError(`nothing of type ${typeof value} travels`);
}

function writeArray(items: readonly unknown[]): void {
  const { length } = items;
  if (at + HEAD_OF_VALUE_BYTES > slab.length) grow(HEAD_OF_VALUE_BYTES);
  if (length < 16) slab[at++] = 0x90 | length;
  else if (length < 0x1_00_00) at = slab.writeUInt16BE(length, writeToken(0xdc));
  else at = slab.writeUInt32BE(length, writeToken(0xdd));
  for (let index = 0; index < length; index += 1) write(items[index]);
}

function writeNumber(value: number): void {
  if (at + HEAD_OF_VALUE_BYTES > slab.length) grow(HEAD_OF_VALUE_BYTES);
  if (value >>> 0 !== value) at = slab.writeDoubleBE(value, writeToken(0xcb));
  else if (value < 0x80) slab[at++] = value;
  else if (value < 0x1_00) {
    slab[at++] = 0xcc;
    slab[at++] = value;
  } else if (value < 0x1_00_00) {
    slab[at++] = 0xcd;
    slab[at++] = value >>> 8;
    slab[at++] = value;
  } else {
    slab[at++] = 0xce;
    slab[at++] = value >>> 24;
    slab[at++] = value >>> 16;
    slab[at++] = value >>> 8;
    slab[at++] = value;
  }
}

function writeBytes(bytes: Uint8Array): void {
  const { length } = bytes;
  makeRoom(length);
  if (length < 0x1_00) {
    slab[at++] = 0xc4;
    slab[at++] = length;
  } else if (length < 0x1_00_00) at = slab.writeUInt16BE(length, writeToken(0xc5));
  else at = slab.writeUInt32BE(length, writeToken(0xc6));
  if (length > LOOP_BYTES_MAX) slab.set(bytes, at);
  else for (let index = 0; index < length; index += 1) slab[at + index] = bytes[index] as number;
  at += length;
}

function writeText(text: string): void {
  const length = Buffer.byteLength(text);
  makeRoom(length);
  if (length < 32) slab[at++] = 0xa0 | length;
  else if (length < 0x1_00) {
    slab[at++] = 0xd9;
    slab[at++] = length;
  } else if (length < 0x1_00_00) at = slab.writeUInt16BE(length, writeToken(0xda));
  else at = slab.writeUInt32BE(length, writeToken(0xdb));
  slab.write(text, at);
  at += length;
}

function writeByte(byte: number): void {
  makeRoom(0);
  slab[at++] = byte;
}

/** Returns where what belongs to it begins. */
function writeToken(token: number): number {
  slab[at] = token;
  return at + 1;
}

function makeRoom(bytes: number): void {
  if (at + HEAD_OF_VALUE_BYTES + bytes > slab.length) grow(HEAD_OF_VALUE_BYTES + bytes);
}

/** What there is of this frame moves to a slab with room for `bytes` more. */
function grow(bytes: number): void {
  const used = at - start;
  const needed = HEAD_BYTES_MAX + used + bytes;
  const isLarge = needed > SLAB_BYTES;
  const larger = Buffer.allocUnsafeSlow(isLarge ? Math.max(needed + SLAB_BYTES, used * 2) : SLAB_BYTES);
  slab.copy(larger, HEAD_BYTES_MAX, start, at);
  slab = larger;
  start = HEAD_BYTES_MAX;
  at = start + used;
  if (!isLarge) shared = larger;
}
