import { serverId } from "raft-ts";
import type { Configuration, ServerId } from "raft-ts";

/** The body of a configuration entry: JSON, since it is small, rare, and worth reading in a dump of the log. */
export function encodeConfiguration(configuration: Configuration): Buffer {
  return Buffer.from(JSON.stringify(configuration));
}

/** @throws {TypeError} the bytes are no configuration; their checksum matched, so a newer version wrote them. */
export function decodeConfiguration(body: Buffer): Configuration {
  const value = JSON.parse(body.toString("utf8")) as Partial<Record<keyof Configuration, unknown>>;
  if (typeof value.autoLeave !== "boolean") throw new TypeError("a configuration says whether it is left automatically");
  return {
    voters: servers(value.voters, "voters"),
    outgoing: servers(value.outgoing, "outgoing"),
    learners: servers(value.learners, "learners"),
    witnesses: servers(value.witnesses, "witnesses"),
    autoLeave: value.autoLeave,
  };
}

function servers(value: unknown, name: string): ServerId[] {
  if (!Array.isArray(value) || !value.every((id) => typeof id === "string")) {
    throw new TypeError(`a configuration's ${name} are server ids`);
  }
  return value.map((id: string) => serverId(id));
}
