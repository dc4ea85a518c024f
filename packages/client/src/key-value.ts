import type { KeyValue as WireKeyValue } from "@raftkv/protocol";
import type { Bytes } from "./bytes.js";

/** What is known of a key beside its value. */
export interface KeyFacts {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: number;
}

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
  /** The lease that the key ends with; 0: none. */
  readonly lease: number;

  constructor(key: K, value: Uint8Array, facts: KeyFacts) {
    this.key = key;
    this.value = value;
    this.createRevision = facts.createRevision;
    this.modRevision = facts.modRevision;
    this.version = facts.version;
    this.lease = facts.lease;
  }

  /** The value read as UTF-8; bytes that are none become U+FFFD. */
  text(): string {
    return toText(this.value);
  }
}

/** As it came over the wire. The bytes are copied: what the caller keeps must not keep the whole frame alive (J). */
export function keyValueFromReply(kv: WireKeyValue, asText: boolean): KeyValue {
  return new KeyValue(keyFromReply(kv.key, asText), new Uint8Array(kv.value), kv);
}

/** A key in the kind in which its range was asked for. */
export function keyFromReply(key: Uint8Array, asText: boolean): Bytes {
  return asText ? toText(key) : new Uint8Array(key);
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
