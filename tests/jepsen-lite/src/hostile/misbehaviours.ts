import { badConnections } from "./connections.js";
import { FLOODS } from "./floods.js";
import type { Misbehaviour } from "./misbehaviour.js";

/** @param connections how many clients "too many" are. */
export function misbehaviours(connections: number): readonly Misbehaviour[] {
  return [...badConnections(connections), ...FLOODS];
}
