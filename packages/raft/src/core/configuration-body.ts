import { serverId } from "./types.js";
import type { Configuration, LeaseSettings, MemberDirectory, MemberEntry, ServerId } from "./types.js";

/** Bytes in front of an entry's body, as it is stored and sent. */
export const ENTRY_HEADER_BYTES = 32;

/** The body of a configuration entry: JSON, since it is small, rare, and worth reading in a dump of the log. */
export function encodeConfiguration(configuration: Configuration): string {
  return JSON.stringify(configuration);
}

/** Size of the whole entry in bytes, its body in UTF-8. */
export function configurationEntryBytes(configuration: Configuration): number {
  let bytes = ENTRY_HEADER_BYTES;
  for (const character of encodeConfiguration(configuration)) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else bytes += code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** @throws {TypeError} the text is no configuration; where a checksum matched, a newer version wrote it. */
export function decodeConfiguration(body: string): Configuration {
  const value = JSON.parse(body) as Partial<Record<keyof Configuration, unknown>> | null;
  if (typeof value?.autoLeave !== "boolean") {
    throw new TypeError("a configuration says whether it is left automatically");
  }
  return {
    voters: servers(value.voters, "voters"),
    outgoing: servers(value.outgoing, "outgoing"),
    learners: servers(value.learners, "learners"),
    witnesses: servers(value.witnesses, "witnesses"),
    autoLeave: value.autoLeave,
    lease: lease(value.lease),
    ...directory(value.directory),
  };
}

function servers(value: unknown, name: string): ServerId[] {
  if (!Array.isArray(value) || !value.every((id) => typeof id === "string")) {
    throw new TypeError(`a configuration's ${name} are server ids`);
  }
  return value.map((id: string) => serverId(id));
}

function lease(value: unknown): LeaseSettings | null {
  if (value === undefined || value === null) return null;
  const { electionTimeoutMicros, marginPercent } = value as Partial<Record<keyof LeaseSettings, unknown>>;
  if (typeof electionTimeoutMicros !== "number" || typeof marginPercent !== "number") {
    throw new TypeError("a configuration's lease has a time and a margin");
  }
  return { electionTimeoutMicros, marginPercent };
}

function directory(value: unknown): Pick<Configuration, "directory"> {
  if (value === undefined || value === null) return {};
  const { members, removed } = value as Partial<Record<keyof MemberDirectory, unknown>>;
  if (!Array.isArray(members)) throw new TypeError("a configuration's directory has members");
  return { directory: { members: members.map(entry), removed: servers(removed, "removed") } };
}

function entry(value: unknown): MemberEntry {
  const { client, id, name, peer, willVote, witness } = value as Partial<Record<keyof MemberEntry, unknown>>;
  const isTextOrNull = (text: unknown): text is string | null => text === null || typeof text === "string";
  if (
    typeof name !== "string" ||
    !isTextOrNull(id) ||
    typeof peer !== "string" ||
    !isTextOrNull(client) ||
    typeof witness !== "boolean" ||
    typeof willVote !== "boolean"
  ) {
    throw new TypeError(
      "an entry of a configuration's directory has name, id, peer, client, witness and willVote",
    );
  }
  return { name, id: id === null ? null : serverId(id), peer, client, witness, willVote };
}
