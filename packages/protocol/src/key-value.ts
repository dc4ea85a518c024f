import { ProtocolError } from "./errors.js";
import { count, describe, tuple } from "./msgpack.js";

/** A key with its value as they stood at one revision. Decoded ones are views of the frame: who keeps them copies. */
export interface KeyValue {
  readonly key: Uint8Array;
  /** Empty when only keys were asked for. */
  readonly value: Uint8Array;
  /** The revision that created the key. */
  readonly createRevision: number;
  /** The revision of its last change. */
  readonly modRevision: number;
  /** Puts since it was created, from 1. */
  readonly version: number;
  /** The lease that it ends with; 0: none. */
  readonly lease: number;
}

/** `[key, value, createRevision, modRevision, version, lease]` */
export type WireKeyValue = readonly [Uint8Array, Uint8Array, number, number, number, number];

export function keyValueToWire(kv: KeyValue): WireKeyValue {
  return [kv.key, kv.value, kv.createRevision, kv.modRevision, kv.version, kv.lease];
}

/** @throws {ProtocolError} it is none. */
export function keyValueFromWire(value: unknown): KeyValue {
  const fields = tuple(value, 6, "a key with its value");
  return {
    key: bytes(fields[0], "a key"),
    value: bytes(fields[1], "a value"),
    createRevision: count(fields[2], "the create revision"),
    modRevision: count(fields[3], "the modify revision"),
    version: count(fields[4], "the version"),
    lease: count(fields[5], "the lease"),
  };
}

/** Null for nil. */
export function previousFromWire(value: unknown): KeyValue | null {
  return value === null ? null : keyValueFromWire(value);
}

/** @throws {ProtocolError} it is no array of key-values. */
export function keyValuesFromWire(value: unknown): readonly KeyValue[] {
  return list(value, "the keys with their values").map(keyValueFromWire);
}

/** @throws {ProtocolError} these are no bytes. */
export function bytes(value: unknown, name: string): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw new ProtocolError(`${name} is ${describe(value)}: bytes are wanted`);
}

/** @throws {ProtocolError} it is no array. */
export function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new ProtocolError(`${name} are ${describe(value)}: an array is wanted`);
}
