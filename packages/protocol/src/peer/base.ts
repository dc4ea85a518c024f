import type {
  Configuration,
  LeaseSettings,
  LogBase,
  LogIndex,
  MemberDirectory,
  MemberEntry,
  ServerId,
  Term,
} from "raft-ts";
import { ProtocolError } from "../errors.js";
import { count, describe, text, tuple } from "../msgpack.js";

/** The base under a log as it travels: `[index, term, configuration]`, the last as the JSON that a log entry holds. */
export function baseToWire(base: LogBase): readonly unknown[] {
  return [base.index, base.term, JSON.stringify(base.configuration)];
}

/** @throws {ProtocolError} it is no base (C6). */
export function baseFromWire(value: unknown): LogBase {
  const fields = tuple(value, 3, "a log's base");
  return {
    index: count(fields[0], "the base's index") as LogIndex,
    term: count(fields[1], "the base's term") as Term,
    configuration: configurationFrom(text(fields[2], "the configuration")),
  };
}

function configurationFrom(json: string): Configuration {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ProtocolError(`the configuration is ${describe(json)}: JSON is wanted`);
  }
  if (typeof value !== "object" || value === null) {
    throw new ProtocolError(`the configuration is ${describe(value)}: an object is wanted`);
  }
  const fields = value as Partial<Record<keyof Configuration, unknown>>;
  if (typeof fields.autoLeave !== "boolean") {
    throw new ProtocolError(`autoLeave is ${describe(fields.autoLeave)}: a boolean is wanted`);
  }
  return {
    voters: servers(fields.voters, "voters"),
    outgoing: servers(fields.outgoing, "outgoing"),
    learners: servers(fields.learners, "learners"),
    witnesses: servers(fields.witnesses, "witnesses"),
    autoLeave: fields.autoLeave,
    lease: lease(fields.lease),
    ...directory(fields.directory),
  };
}

function servers(value: unknown, name: string): ServerId[] {
  if (!Array.isArray(value))
    throw new ProtocolError(`the ${name} are ${describe(value)}: an array is wanted`);
  return (value as readonly unknown[]).map((id) => text(id, `one of the ${name}`) as ServerId);
}

function lease(value: unknown): LeaseSettings | null {
  if (value === undefined || value === null) return null;
  const fields = value as { readonly electionTimeoutMicros?: unknown; readonly marginPercent?: unknown };
  return {
    electionTimeoutMicros: count(fields.electionTimeoutMicros, "the lease's time"),
    marginPercent: count(fields.marginPercent, "the lease's margin"),
  };
}

function directory(value: unknown): Pick<Configuration, "directory"> {
  if (value === undefined || value === null) return {};
  const { members, removed } = value as Partial<Record<keyof MemberDirectory, unknown>>;
  if (!Array.isArray(members))
    throw new ProtocolError(`the directory's members are ${describe(members)}: an array is wanted`);
  return {
    directory: { members: (members as readonly unknown[]).map(entry), removed: servers(removed, "removed") },
  };
}

function entry(value: unknown): MemberEntry {
  const { client, id, name, peer, willVote, witness } = (value ?? {}) as Partial<
    Record<keyof MemberEntry, unknown>
  >;
  if (typeof witness !== "boolean" || typeof willVote !== "boolean")
    throw new ProtocolError(
      `an entry of the directory is ${describe(value)}: its kind and its vote are wanted`,
    );
  return {
    name: text(name, "a member's name"),
    id: id === null ? null : (text(id, "a member's id") as ServerId),
    peer: text(peer, "a member's peer address"),
    client: client === null ? null : text(client, "a member's client address"),
    witness,
    willVote,
  };
}
