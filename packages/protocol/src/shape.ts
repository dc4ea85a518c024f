/**
 * The gate in front of msgpackr (C6): of MessagePack only a small part travels, and what is not of it never reaches
 * the decoder. So no frame can define records (which msgpackr compiles into functions), build maps or extension
 * types, nest until the stack is full, claim arrays larger than itself, or have bytes left behind its end.
 *
 * What travels: nil, booleans, whole numbers, float 64, str, bin, and arrays of these, at most DEPTH_MAX deep: what TXN_DEPTH_MAX transactions in each
 * other take, and a little more, so that one that is too deep can be refused by itself.
 */
const DEPTH_MAX = 16;

/** One decode at a time, and it never yields, so one stack is enough. `open[d]`: elements still to come at depth d. */
const open = new Float64Array(DEPTH_MAX);

/** Returns null when `bytes` is one value of that part and nothing else, else what is wrong with it. */
export function shapeFault(bytes: Uint8Array): string | null {
  const end = bytes.length;
  let at = 0;
  let depth = 0;
  let left = 1;
  for (;;) {
    while (left === 0) {
      if (depth === 0) return at === end ? null : `${end - at} bytes are left behind the frame's end`;
      depth -= 1;
      left = open[depth] ?? 0;
    }
    left -= 1;
    if (at >= end) return "the frame is cut short";
    const token = bytes[at] ?? 0;
    at += 1;
    if (token < 0x80 || token >= 0xe0) continue; // small whole numbers
    let elements = -1;
    if (token >= 0xa0 && token < 0xc0) {
      at += token - 0xa0; // short str
    } else if (token >= 0x90 && token < 0xa0) {
      elements = token - 0x90;
    } else {
      switch (token) {
        case 0xc0: // nil
        case 0xc2: // false
        case 0xc3: // true
          break;
        case 0xcc: // uint 8
        case 0xd0: // int 8
          at += 1;
          break;
        case 0xcd: // uint 16
        case 0xd1: // int 16
          at += 2;
          break;
        case 0xce: // uint 32
        case 0xd2: // int 32
          at += 4;
          break;
        case 0xcb: // float 64
        case 0xcf: // uint 64
        case 0xd3: // int 64
          at += 8;
          break;
        case 0xc4: // bin 8
        case 0xd9: // str 8
          at += 1 + unsigned(bytes, at, 1);
          break;
        case 0xc5: // bin 16
        case 0xda: // str 16
          at += 2 + unsigned(bytes, at, 2);
          break;
        case 0xc6: // bin 32
        case 0xdb: // str 32
          at += 4 + unsigned(bytes, at, 4);
          break;
        case 0xdc: // array 16
          elements = unsigned(bytes, at, 2);
          at += 2;
          break;
        case 0xdd: // array 32
          elements = unsigned(bytes, at, 4);
          at += 4;
          break;
        default:
          return `byte 0x${token.toString(16)} at ${at - 1} begins nothing that this protocol uses`;
      }
    }
    if (at > end) return "the frame is cut short";
    if (elements >= 0) {
      if (elements > end - at) return `an array claims ${elements} elements, ${end - at} bytes are left`;
      if (depth === DEPTH_MAX) return `arrays are nested deeper than ${DEPTH_MAX}`;
      open[depth] = left;
      depth += 1;
      left = elements;
    }
  }
}

/** Big-endian; bytes past the end count as 0, the caller then finds the frame too short. */
function unsigned(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i += 1) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
