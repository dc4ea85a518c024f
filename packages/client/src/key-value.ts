import type { Bytes } from "./bytes.js";

/** A key with its value as they stood at one revision. */
export class KeyValue<K extends Bytes = Bytes> {
  /** In the kind, string or bytes, in which it was asked for. */
  readonly key: K;
  readonly value: Uint8Array;
  /** The revision that brought the key into being. */
  readonly createRevision: number;
  /** The revision of its last change. */
  readonly modRevision: number;
  /** How many puts it has seen since it came into being; the first makes it 1. */
  readonly version: number;

  constructor(key: K, value: Uint8Array, revisions: { create: number; mod: number }, version: number) {
    this.key = key;
    this.value = value;
    this.createRevision = revisions.create;
    this.modRevision = revisions.mod;
    this.version = version;
  }

  /** The value read as UTF-8; bytes that are none become U+FFFD. */
  text(): string {
    return Buffer.from(this.value.buffer, this.value.byteOffset, this.value.byteLength).toString("utf8");
  }
}
