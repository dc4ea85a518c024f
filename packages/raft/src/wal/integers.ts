const TWO_POW_32 = 2 ** 32;

/** Writes a safe integer as eight bytes, little-endian. */
export function writeInteger(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_POW_32, offset);
  target.writeUInt32LE(Math.floor(value / TWO_POW_32), offset + 4);
}

/** Reads eight bytes. A value above 2^53 - 1 comes back inexact, which no checksummed field ever is. */
export function readInteger(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset + 4) * TWO_POW_32 + source.readUInt32LE(offset);
}

export function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
