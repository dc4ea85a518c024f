import type { KeyValue } from "@raftkv/client";
import { encodedBytes } from "./byte-text.js";
import type { Encoding } from "./byte-text.js";
import { bytesFields } from "./output.js";

export type FoundKey = KeyValue<Uint8Array>;

/** As every command prints a key with `--json`. */
export function keyValueJson({ createRevision, key, lease, modRevision, value, version }: FoundKey) {
  return {
    ...bytesFields("key", key),
    ...bytesFields("value", value),
    createRevision,
    modRevision,
    version,
    lease,
  };
}

/** How keys and values are printed. */
export interface Encodings {
  readonly keyEncoding: Encoding;
  readonly valueEncoding: Encoding;
}

/** Fields with tabs between, and a newline. In a pipe bytes are as they are: those with tabs or newlines want an encoding. */
export function lineOf(...fields: readonly (string | Uint8Array)[]): Buffer {
  const parts: (string | Uint8Array)[] = fields.flatMap((field, index) =>
    index === 0 ? [field] : ["\t", field],
  );
  return Buffer.concat([...parts, "\n"].map((part) => Buffer.from(part as Uint8Array)));
}

export function keyValueLine({ key, value }: FoundKey, { keyEncoding, valueEncoding }: Encodings): Buffer {
  return lineOf(encodedBytes(key, keyEncoding), encodedBytes(value, valueEncoding));
}
