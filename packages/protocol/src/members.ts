import type { LeaderHint } from "./errors.js";
import { list } from "./key-value.js";
import { leaderFromWire, leaderToWire } from "./leader.js";
import { ProtocolError } from "./errors.js";
import { count, describe, text, tuple } from "./msgpack.js";
import { Op } from "./op.js";
import type { WireReply } from "./reply-encode.js";
import type { WireRequest } from "./request-encode.js";
import { RequestFault, wantCount } from "./request-fault.js";

/**
 * - `voter`: votes, and counts for the majority.
 * - `learner`: gets the log and has no vote.
 * - `unstarted`: added, and not met yet: it is no member of the group before it was.
 */
export const MEMBER_ROLES = ["voter", "learner", "unstarted"] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/** A member as a node knows it. */
export interface MemberInfo {
  readonly name: string;
  /** Null for one that is unstarted. */
  readonly serverId: string | null;
  /** Where the other members reach it. */
  readonly peer: string;
  /** Where clients reach it; null when that is not known yet. */
  readonly client: string | null;
  readonly role: MemberRole;
  /** It stores the log, and has no data (R24). */
  readonly witness: boolean;
  /** A learner, or one that is unstarted, that gets a vote by itself once it is nearly caught up (R22). */
  readonly willVote: boolean;
  readonly leader: boolean;
  /** Whether the leader heard it within an election timeout; null at others than the leader. */
  readonly alive: boolean | null;
  /** Entries that it lacks, as the leader knows; null at others than the leader. */
  readonly lag: number | null;
}

/**
 * A change of the members. Each may be sent again: what is as it should be already is done.
 * - `add`: as a learner; unless `learnerOnly`, it gets a vote by itself once it is nearly caught up.
 * - `promote`: a learner gets a vote; refused while it lags (R22).
 * - `update`: where the other members reach it from now on.
 * - `remove`: `serverId` says which of those that had the name, so that a late copy does not take a new one away.
 * `force` does what would leave no majority of members that are alive.
 */
export type MembersChange =
  | {
      readonly kind: "add";
      readonly name: string;
      readonly peer: string;
      readonly witness: boolean;
      readonly learnerOnly: boolean;
    }
  | { readonly kind: "promote"; readonly name: string; readonly force: boolean }
  | { readonly kind: "update"; readonly name: string; readonly peer: string }
  | {
      readonly kind: "remove";
      readonly name: string;
      readonly serverId: string | null;
      readonly force: boolean;
    };

const CHANGES = ["add", "promote", "update", "remove"] as const satisfies readonly MembersChange["kind"][];
const WITNESS = 1;
const LEARNER_ONLY = 2;
const FORCE = 4;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const ADDRESS = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;
const NAME_ALLOWED =
  "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or a digit";

/** Of one cluster, learners, witnesses and those that are yet to be started among them: all of them stand in each handshake (C7). */
export const MEMBERS_MAX = 32;

export function isMemberName(text: string): boolean {
  return NAME.test(text);
}

export function memberListRequest(id: number, deadlineMs: number, linearizable: boolean): WireRequest {
  return [id, Op.memberList, deadlineMs, linearizable ? 0 : 1];
}

export function memberChangeRequest(id: number, deadlineMs: number, change: MembersChange): WireRequest {
  const peer = change.kind === "add" || change.kind === "update" ? change.peer : null;
  const serverId = change.kind === "remove" ? change.serverId : null;
  const flags =
    change.kind === "add"
      ? (change.witness ? WITNESS : 0) + (change.learnerOnly ? LEARNER_ONLY : 0)
      : change.kind !== "update" && change.force
        ? FORCE
        : 0;
  return [
    id,
    Op.memberChange,
    deadlineMs,
    CHANGES.indexOf(change.kind) + 1,
    change.name,
    serverId,
    peer,
    flags,
  ];
}

/** @param to the name of the member that is to lead; null leaves the choice to the leader. */
export function leaderTransferRequest(id: number, deadlineMs: number, to: string | null): WireRequest {
  return [id, Op.leaderTransfer, deadlineMs, to];
}

/** Flags that a kind of change can have. */
const FLAGS_OF = { add: WITNESS + LEARNER_ONLY, promote: FORCE, update: 0, remove: FORCE } as const;

/** Reads what is behind the first three fields. @throws {RequestFault} */
export function membersChangeOf(fields: readonly unknown[]): MembersChange {
  const kind = CHANGES[wantCount(fields[3], "the kind of change", CHANGES.length) - 1];
  if (kind === undefined) throw new RequestFault(`the kind of change is 0: 1 to ${CHANGES.length} are known`);
  const name = wantName(fields[4]);
  const serverId =
    fields[5] === null || kind !== "remove" ? wantNil(fields[5], "the server's id") : wantServerId(fields[5]);
  if (kind === "promote" || kind === "remove") wantNil(fields[6], "the peer address");
  const flags = wantCount(fields[7], "the flags", FLAGS_OF[kind]);
  if ((flags & ~FLAGS_OF[kind]) !== 0)
    throw new RequestFault(`the flags are ${flags}, which ${kind} has not`);
  const force = (flags & FORCE) !== 0;
  switch (kind) {
    case "add": {
      const [witness, learnerOnly] = [(flags & WITNESS) !== 0, (flags & LEARNER_ONLY) !== 0];
      return { kind, name, peer: wantAddress(fields[6]), witness, learnerOnly };
    }
    case "promote":
      return { kind, name, force };
    case "update":
      return { kind, name, peer: wantAddress(fields[6]) };
    case "remove":
      return { kind, name, serverId, force };
  }
}

/** @throws {RequestFault} */
export function transferTargetOf(fields: readonly unknown[]): string | null {
  return fields[3] === null ? null : wantName(fields[3]);
}

export function memberListReply(requestId: number, members: readonly MemberInfo[]): WireReply {
  return [requestId, Op.memberList, members.map(memberToWire)];
}

/** @param members as they are behind the change. */
export function memberChangeReply(requestId: number, members: readonly MemberInfo[]): WireReply {
  return [requestId, Op.memberChange, members.map(memberToWire)];
}

export function leaderTransferReply(requestId: number, leader: LeaderHint): WireReply {
  return [requestId, Op.leaderTransfer, leaderToWire(leader)];
}

/** @throws {ProtocolError} it is no list of members. */
export function membersFromWire(value: unknown): readonly MemberInfo[] {
  return list(value, "the members").map(memberFromWire);
}

/** @throws {ProtocolError} it names no leader. */
export function newLeaderFromWire(value: unknown): LeaderHint {
  const leader = leaderFromWire(value);
  if (leader === null) throw new ProtocolError("the reply to a transfer names the new leader, this is nil");
  return leader;
}

/** Where the clients of a member connect. */
export interface MemberAddress {
  readonly name: string;
  readonly client: string;
}

export function addressesToWire(addresses: readonly MemberAddress[]): readonly unknown[] {
  return addresses.map(({ name, client }) => [name, client]);
}

/** @throws {ProtocolError} these are no names with addresses. */
export function addressesFromWire(value: unknown): readonly MemberAddress[] {
  return list(value, "the members' addresses").map((item) => {
    const [name, client] = tuple(item, 2, "a member's address");
    return { name: text(name, "a member's name"), client: text(client, "a member's client address") };
  });
}

function memberToWire(member: MemberInfo): readonly unknown[] {
  const { alive, client, lag, leader, name, peer, role, serverId, willVote, witness } = member;
  return [name, serverId, peer, client, MEMBER_ROLES.indexOf(role), witness, willVote, leader, alive, lag];
}

function memberFromWire(item: unknown): MemberInfo {
  const [name, serverId, peer, client, role, witness, willVote, leader, alive, lag] = tuple(
    item,
    10,
    "a member",
  );
  const known = MEMBER_ROLES[count(role, "a member's role")];
  if (known === undefined) throw new ProtocolError(`a member's role is ${describe(role)}: 0 to 2 are known`);
  return {
    name: text(name, "a member's name"),
    serverId: serverId === null ? null : text(serverId, "a member's server id"),
    peer: text(peer, "a member's peer address"),
    client: client === null ? null : text(client, "a member's client address"),
    role: known,
    witness: witness === true,
    willVote: willVote === true,
    leader: leader === true,
    alive: typeof alive === "boolean" ? alive : null,
    lag: lag === null ? null : count(lag, "a member's lag"),
  };
}

function wantServerId(value: unknown): string {
  if (typeof value === "string" && /^[0-9a-f]{16}$/.test(value)) return value;
  throw new RequestFault(`the server's id is ${describe(value)}: 16 hex digits or nil are wanted`);
}

function wantNil(value: unknown, name: string): null {
  if (value === null) return null;
  throw new RequestFault(`${name} is ${describe(value)}: this kind of change has none`);
}

function wantName(value: unknown): string {
  if (typeof value === "string" && NAME.test(value)) return value;
  throw new RequestFault(`the member's name is ${describe(value)}: ${NAME_ALLOWED} are allowed`);
}

function wantAddress(value: unknown): string {
  const port = typeof value === "string" ? Number(ADDRESS.exec(value)?.[1] ?? 0) : 0;
  if (typeof value === "string" && value.length <= 300 && port >= 1 && port <= 65_535) return value;
  throw new RequestFault(`the peer address is ${describe(value)}: host:port or [ipv6]:port is wanted`);
}
