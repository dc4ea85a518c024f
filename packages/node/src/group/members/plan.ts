import { MEMBERS_MAX } from "@raftkv/protocol";
import type { MembersChange } from "@raftkv/protocol";
import { majority } from "raft-ts";
import type { MemberChange, MemberDirectory, MemberEntry, MembershipChange, ServerId } from "raft-ts";
import type { RequestRefusal } from "../log-proposal.js";
import { roleOf } from "./view.js";
import type { MembersView } from "./view.js";

/** Removed servers that are remembered, to be told that they are: who was removed before them is told that it is unknown. */
const REMOVED_MAX = 256;

/** A node that was added is met: from now on its name stands for this server (R25). */
export interface Binding {
  readonly kind: "bind";
  readonly name: string;
  readonly id: ServerId;
  /** Where it answered. */
  readonly peer: string;
  readonly client: string;
}

/**
 * What is to be done for a change.
 * - `done`: it is so already.
 * - `handOver`: it would remove this leader, which another member takes over from first.
 */
export type Plan =
  | { readonly kind: "change"; readonly change: MembershipChange }
  | { readonly kind: "done" }
  | { readonly kind: "handOver" }
  | { readonly kind: "refused"; readonly refusal: RequestRefusal };

const DONE: Plan = { kind: "done" };

export function planOf(change: MembersChange | Binding, view: MembersView): Plan {
  const entry = view.directory.members.find(({ name }) => name === change.name) ?? null;
  switch (change.kind) {
    case "add":
      return add(change, entry, view);
    case "bind":
      return bind(change, entry, view);
    case "promote":
      return entry === null ? notFound(change.name, view) : promote(entry, change.force, view);
    case "update":
      return entry === null ? notFound(change.name, view) : update(entry, change.peer, view);
    case "remove":
      return remove(change, entry, view);
  }
}

type Add = Extract<MembersChange, { readonly kind: "add" }>;

function add({ learnerOnly, name, peer, witness }: Add, entry: MemberEntry | null, view: MembersView): Plan {
  if (entry !== null) {
    const votes = roleOf(view.configuration, entry.id) === "voter";
    if (entry.peer === peer && entry.witness === witness && (votes || entry.willVote === !learnerOnly))
      return DONE;
    const stays = votes || entry.willVote ? "" : ", a learner until it is promoted";
    const kind = `${entry.witness ? ", a witness" : ""}${stays}`;
    return refused("MEMBER_EXISTS", `${name} is a member already, at ${entry.peer}${kind}`);
  }
  const taken = takenBy(peer, view);
  if (taken !== null) return refused("MEMBER_EXISTS", `${peer} is the address of ${taken}`);
  const { members } = view.directory;
  if (members.length >= MEMBERS_MAX) {
    const message = `a cluster has at most ${MEMBERS_MAX} members, and this one has ${members.length}: remove one first`;
    return { kind: "refused", refusal: { code: "TOO_LARGE", message, limit: MEMBERS_MAX } };
  }
  const added = { name, id: null, peer, client: null, witness, willVote: !learnerOnly };
  return changeTo([], { ...view.directory, members: [...members, added] });
}

function bind({ client, id, peer }: Binding, entry: MemberEntry | null, view: MembersView): Plan {
  // A server that was removed does not come back under a name that is free again (R25).
  if (entry === null || entry.id !== null || view.directory.removed.includes(id)) return DONE;
  // Nor does one that was met where the name was before.
  if (entry.peer !== peer) return DONE;
  if (!view.understands(id))
    return refused(
      "UNAVAILABLE",
      `${entry.name} does not understand the format of the log, or it is about to change`,
    );
  const change: MemberChange = { kind: "addLearner", id, witness: entry.witness };
  return changeTo([change], replaced(view.directory, { ...entry, id, client }));
}

function promote(entry: MemberEntry, force: boolean, view: MembersView): Plan {
  const { id, name } = entry;
  const { configuration, lagMax } = view;
  if (id === null)
    return refused("MEMBER_LAGS", `${name} was not started yet, or was not met at ${entry.peer}`);
  if (roleOf(configuration, id) === "voter") return DONE;
  if (!view.isAlive(id)) return refused("MEMBER_LAGS", `${name} does not answer`);
  const lag = view.lagOf(id);
  if (view.progressOf(id)?.state !== "replicate")
    return refused("MEMBER_LAGS", `${name} is still being brought to where the log begins`);
  if (lag > lagMax) return refused("MEMBER_LAGS", `${name} lacks ${lag} entries, and may lack ${lagMax}`);
  const risk = riskOf([...configuration.voters, id], witnesses(view), force, view);
  if (risk !== null) return refused("QUORUM_AT_RISK", risk);
  return changeTo([{ kind: "promote", id }], replaced(view.directory, { ...entry, willVote: false }));
}

function update(entry: MemberEntry, peer: string, view: MembersView): Plan {
  if (entry.peer === peer) return DONE;
  const taken = takenBy(peer, view);
  if (taken !== null) return refused("MEMBER_EXISTS", `${peer} is the address of ${taken}`);
  return changeTo([], replaced(view.directory, { ...entry, peer }));
}

type Remove = Extract<MembersChange, { readonly kind: "remove" }>;

function remove({ force, name, serverId }: Remove, entry: MemberEntry | null, view: MembersView): Plan {
  const { configuration, directory, own } = view;
  if (entry === null || (serverId !== null && entry.id !== serverId)) {
    return serverId !== null && directory.removed.some((id) => id === serverId) ? DONE : notFound(name, view);
  }
  const { id } = entry;
  const members = directory.members.filter((member) => member !== entry);
  if (id === null) return changeTo([], { ...directory, members });
  if (roleOf(configuration, id) === "voter") {
    const voters = configuration.voters.filter((voter) => voter !== id);
    const risk = riskOf(voters, witnesses(view), force, view);
    if (risk !== null) return refused("QUORUM_AT_RISK", risk);
    if (id === own) return { kind: "handOver" };
  }
  return changeTo([{ kind: "remove", id }], {
    members,
    removed: [...directory.removed, id].slice(-REMOVED_MAX),
  });
}

/** The removal of this leader, when nobody takes over from it first: it leads until that is committed (§4.2.2). */
export function removalOf(id: ServerId, { directory }: MembersView): MembershipChange {
  const members = directory.members.filter((member) => member.id !== id);
  const removed = [...directory.removed, id].slice(-REMOVED_MAX);
  return { members: [{ kind: "remove", id }], joint: "auto", directory: { members, removed } };
}

/**
 * What is wrong with these voters: too few of them are alive to commit anything, which `force` overrides; or there would be a
 * majority that has no data, which nothing overrides (R24).
 */
function riskOf(
  voters: readonly ServerId[],
  witnessIds: readonly ServerId[],
  force: boolean,
  view: MembersView,
): string | null {
  const dataless = voters.filter((id) => witnessIds.includes(id)).length;
  if (dataless * 2 >= voters.length) {
    return voters.length === 0
      ? "the last voter cannot be removed"
      : `of ${voters.length} voters ${dataless} would be witnesses: fewer than half may be`;
  }
  const alive = voters.filter((id) => view.isAlive(id)).length;
  const needed = majority(voters.length);
  if (force || alive >= needed) return null;
  return `of the ${voters.length} voters that there would be ${alive} are alive, and ${needed} are needed; --force does it all the same`;
}

function witnesses({ configuration }: MembersView): readonly ServerId[] {
  return configuration.witnesses;
}

function takenBy(peer: string, { directory }: MembersView): string | null {
  return directory.members.find((member) => member.peer === peer)?.name ?? null;
}

function replaced(directory: MemberDirectory, entry: MemberEntry): MemberDirectory {
  const members = directory.members.map((member) => (member.name === entry.name ? entry : member));
  return { ...directory, members };
}

function changeTo(members: readonly MemberChange[], directory: MemberDirectory): Plan {
  return { kind: "change", change: { members, joint: "auto", directory } };
}

function notFound(name: string, { directory }: MembersView): Plan {
  const names = directory.members.map((member) => member.name).join(", ");
  return refused("MEMBER_NOT_FOUND", `there is no member "${name}": there are ${names}`);
}

function refused(code: RequestRefusal["code"], message: string): Plan {
  return { kind: "refused", refusal: { code, message } };
}
