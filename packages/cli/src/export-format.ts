import { usageError } from "./errors.js";
import type { CliError } from "./errors.js";
import type { FoundKey } from "./key-value-text.js";
import { textOf } from "./output.js";

// An export is JSON lines: a head, a line for each key, and an end, so that one that was cut off is known as such.
//
//   {"format":"raftkv-export","version":1,"revision":7,"keys":2}
//   {"key":"a","value":"1"}
//   {"keyBase64":"/w==","value":""}
//   {"end":true,"keys":2}

const FORMAT = "raftkv-export";
const VERSION = 1;

export function headLine(revision: number, keys: number): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, revision, keys })}\n`;
}

export function endLine(keys: number): string {
  return `${JSON.stringify({ end: true, keys })}\n`;
}

function field(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  return text === null ? { [`${name}Base64`]: Buffer.from(bytes).toString("base64") } : { [name]: text };
}

export function entryLine({ key, value }: FoundKey): string {
  return `${JSON.stringify({ ...field("key", key), ...field("value", value) })}\n`;
}

/** What one line says. */
export type ExportLine =
  | { readonly kind: "head"; readonly revision: number; readonly keys: number }
  | { readonly kind: "entry"; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: "end"; readonly keys: number };

function bad(number: number, what: string): CliError {
  return usageError(`line ${number} of the export ${what}`, "BAD_INPUT");
}

function bytesIn(fields: Readonly<Record<string, unknown>>, name: string, number: number): Buffer {
  const { [name]: text, [`${name}Base64`]: base64 } = fields;
  if (typeof text === "string" && base64 === undefined) return Buffer.from(text);
  if (typeof base64 === "string" && text === undefined) {
    const bytes = Buffer.from(base64, "base64");
    if (bytes.toString("base64") === base64) return bytes;
  }
  throw bad(number, `has no ${name}: a text in \`${name}\`, or base64 in \`${name}Base64\`, is wanted`);
}

/** @throws {CliError} BAD_INPUT, naming the line. */
export function parseExportLine(bytes: Buffer, number: number): ExportLine {
  const text = textOf(bytes);
  let fields: Record<string, unknown>;
  try {
    if (text === null) throw new Error("it is no UTF-8 text");
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw bad(number, `is no JSON: ${(error as Error).message}`);
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields))
    throw bad(number, "is no JSON object");
  const { end, format, keys, revision, version } = fields;
  if (number === 1) {
    if (format !== FORMAT || typeof keys !== "number" || typeof revision !== "number")
      throw bad(number, `is not the head of one: {"format":"${FORMAT}",…} is wanted`);
    if (version !== VERSION)
      throw bad(number, `is of version ${JSON.stringify(version)}, this raftkv reads ${VERSION}`);
    return { kind: "head", revision, keys };
  }
  if (end === true && typeof keys === "number") return { kind: "end", keys };
  return { kind: "entry", key: bytesIn(fields, "key", number), value: bytesIn(fields, "value", number) };
}
