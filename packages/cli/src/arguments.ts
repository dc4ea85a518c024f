import { readFileSync } from "node:fs";

// Keys and values are bytes, but Node.js hands over arguments decoded as UTF-8, and the option parser has ideas of its
// own about `-`, `--`, `true` and `help`. Both are met in one way: a byte that must pass through unseen becomes the lone
// surrogate U+DC00 + byte, which no decoded argument can hold (the idea is Python's "surrogateescape").
const ESCAPE_BASE = 0xdc00;
const REPLACEMENT = "\ufffd";

function escapeByte(byte: number): string {
  return String.fromCharCode(ESCAPE_BASE + byte);
}

function isEscape(codeUnit: number): boolean {
  return codeUnit >= ESCAPE_BASE && codeUnit <= ESCAPE_BASE + 0xff;
}

/** The arguments as the kernel has them; null where it does not tell, or tells of others. */
function rawArguments(count: number): Buffer[] | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync("/proc/self/cmdline");
  } catch {
    return null;
  }
  const found: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    found.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return found.length < count ? null : found.slice(-count);
}

/** Bytes to text in which each byte that is not part of valid UTF-8 is escaped. */
function decodeEscaping(bytes: Buffer): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    try {
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += escapeByte(first);
      at += 1;
    }
  }
  return text;
}

/** Gives back the bytes that Node.js replaced when it decoded the arguments. */
export function recoverBytes(
  args: readonly string[],
  raw: (count: number) => Buffer[] | null = rawArguments,
): string[] {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return [...args];
  const bytes = raw(args.length);
  return args.map((arg, index) => {
    const original = bytes?.[index];
    if (original === undefined || original.toString("utf8") !== arg) return arg;
    return decodeEscaping(original);
  });
}

/** Words that the option parser would take for its own wherever they stand. */
const HAZARDS = new Set(["true", "false", "help", "version"]);
/** `raftkv help` and `raftkv kv help` are meant as they look; from the third word on it is somebody's key. */
const COMMAND_WORDS = 2;

/**
 * Makes everything that is no option opaque to the option parser: negative numbers, a lone `-`, words that it would
 * take for its own, and all behind `--`. `unescapeText` and `bytesOf` undo it.
 */
export function shieldPositionals(args: readonly string[]): string[] {
  const shielded: string[] = [];
  let onlyPositionals = false;
  for (const [index, arg] of args.entries()) {
    if (arg === "--" && !onlyPositionals) {
      onlyPositionals = true;
      continue;
    }
    const isOption = arg.startsWith("-") && arg !== "-" && !/^-\.?\d/.test(arg);
    const isHazard = HAZARDS.has(arg) && (index >= COMMAND_WORDS || onlyPositionals);
    const opaque = isHazard || (arg.startsWith("-") && (onlyPositionals || !isOption));
    shielded.push(opaque ? escapeByte(arg.charCodeAt(0)) + arg.slice(1) : arg);
  }
  return shielded;
}

/** The bytes that the user typed. */
export function bytesOf(text: string): Buffer {
  const parts: Buffer[] = [];
  let plainFrom = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const before = at === 0 ? 0 : text.charCodeAt(at - 1);
    const isPair = before >= 0xd800 && before <= 0xdbff;
    if (!isEscape(unit) || isPair) continue;
    parts.push(Buffer.from(text.slice(plainFrom, at), "utf8"), Buffer.of(unit - ESCAPE_BASE));
    plainFrom = at + 1;
  }
  parts.push(Buffer.from(text.slice(plainFrom), "utf8"));
  return Buffer.concat(parts);
}

/** The text that the user typed; bytes that are not UTF-8 show as the replacement character. */
export function unescapeText(text: string): string {
  return bytesOf(text).toString("utf8");
}
