import type { LeaderHint } from "./errors.js";
import { count, text, tuple } from "./msgpack.js";

/** `[name, address, term]`, or nil when no leader is known. */
export type WireLeader = readonly [string, string, number] | null;

export function leaderToWire(leader: LeaderHint | null): WireLeader {
  return leader === null ? null : [leader.name, leader.address, leader.term];
}

/** @throws {ProtocolError} it is neither nil nor a name, an address and a term. */
export function leaderFromWire(value: unknown): LeaderHint | null {
  if (value === null) return null;
  const fields = tuple(value, 3, "the leader");
  return {
    name: text(fields[0], "the leader's name"),
    address: text(fields[1], "the leader's address"),
    term: count(fields[2], "the leader's term"),
  };
}
