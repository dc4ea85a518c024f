import { bytesOf, unescapeText } from "./arguments.js";
import { usageError } from "./errors.js";
import { textOf } from "./output.js";

/** How bytes are typed and printed. `raw` is as they are. */
export const ENCODINGS = ["raw", "hex", "base64"] as const;
export type Encoding = (typeof ENCODINGS)[number];

const WRITTEN: Readonly<Record<Exclude<Encoding, "raw">, { form: RegExp; example: string }>> = {
  hex: { form: /^(?:[0-9A-Fa-f]{2})*$/, example: "pairs of 0-9 and a-f, as in 00ff" },
  base64: {
    form: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
    example: "base64 with its padding, as in AP8=",
  },
};

/** Bytes that are written in an encoding. @throws {CliError} USAGE, naming `what`; nothing is guessed. */
export function decodeBytes(what: string, text: string, encoding: Exclude<Encoding, "raw">): Buffer {
  const { form, example } = WRITTEN[encoding];
  if (form.test(text)) return Buffer.from(text, encoding);
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  throw usageError(`${what} is "${shown}", but must be ${encoding}: ${example}`);
}

/** The bytes that an argument stands for. */
export function argumentBytes(what: string, shielded: string, encoding: Encoding): Buffer {
  if (encoding === "raw") return bytesOf(shielded);
  return decodeBytes(what, unescapeText(shielded), encoding);
}

/** The bytes that standard input stands for; line breaks in what is encoded mean nothing. */
export function inputBytes(bytes: Buffer, encoding: Encoding): Buffer {
  if (encoding === "raw") return bytes;
  return decodeBytes("standard input", bytes.toString("latin1").replaceAll(/\s/g, ""), encoding);
}

export function encodedBytes(bytes: Uint8Array, encoding: Encoding): Uint8Array {
  return encoding === "raw" ? bytes : Buffer.from(Buffer.from(bytes).toString(encoding));
}

/** For a cell of a table: text without anything that would move the cursor; what is no text in hex. */
export function shownBytes(bytes: Uint8Array, encoding: Encoding): string {
  if (encoding !== "raw") return Buffer.from(bytes).toString(encoding);
  const text = textOf(bytes);
  if (text === null) return `0x${Buffer.from(bytes).toString("hex")}`;
  if (text === "") return '""';
  return /\p{C}/u.test(text) ? JSON.stringify(text).replaceAll(/\p{C}/gu, escapeCharacter) : text;
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
