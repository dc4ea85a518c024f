import type { PeerMessage } from "@raftkv/protocol";
import { logIndex } from "raft-ts";
import type { Message } from "raft-ts";
import type { EntryBodies } from "./entry-bodies.js";
import { needsRoom } from "./space-for-entries.js";
import type { SpaceForEntries } from "./space-for-entries.js";

/**
 * What the core is to know of a message of a peer: the bodies of entries stay here. Null when it is let pass by, as if it
 * had been lost on the way.
 * @throws {FrameError | BadEntriesError} the bytes are not what they claim to be: the connection is cut (C6).
 */
export function incoming(
  received: PeerMessage,
  group: { readonly bodies: EntryBodies; readonly space: SpaceForEntries; readonly hasData: boolean },
): Message | null {
  const { bodies, hasData, space } = group;
  // A peer that takes a member with data for a witness, or the other way round: what it has would be lost (R24).
  if (received.kind === "installSnapshot") return received.withData === hasData ? received : null;
  if (received.kind !== "appendRequest") return received;
  if (!space.takesEntries && needsRoom(received.entries)) return null;
  space.spend(received.entries.length);
  const entries = bodies.receive(logIndex(received.prevLogIndex + 1), received.entries);
  return { ...received, entries };
}
