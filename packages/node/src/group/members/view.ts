import type { MemberInfo, MemberRole } from "@raftkv/protocol";
import type {
  Configuration,
  MemberDirectory,
  MemberEntry,
  ProgressStatus,
  RaftStatus,
  ServerId,
} from "raft-ts";

/** Where members are found. */
export interface Places {
  /** Those with which the cluster was formed, for configurations without a directory. */
  entries(): readonly MemberEntry[];
  /** Where a member's clients connect, as it said last. */
  member(id: string): { readonly client: string | null } | null;
  /** The newest format of the log that a server understands, as it said when it was met last; it need not be a member yet. */
  logFormatOf(id: string): number | null;
}

/** The members at one moment, as one server sees them. */
export interface MembersView {
  readonly own: ServerId;
  readonly leads: boolean;
  readonly configuration: Configuration;
  readonly directory: MemberDirectory;
  /** Entries that a learner may lack to be given a vote (R22). */
  readonly lagMax: number;
  readonly lastIndex: number;
  readonly progressOf: (id: ServerId) => ProgressStatus | null;
  /** Whether it was heard within an election timeout. */
  isAlive(id: ServerId): boolean;
  /** Whether it is known to understand the format of the log that is in force. */
  understands(id: ServerId): boolean;
  lagOf(id: ServerId): number;
}

export function viewOf(
  status: RaftStatus,
  places: Places,
  { lagMax, understands }: Pick<MembersView, "lagMax" | "understands">,
): MembersView {
  const { configuration, id: own, lastIndex, progress, role } = status;
  const byId = new Map(progress.map((one) => [one.id, one]));
  return {
    own,
    leads: role === "leader",
    configuration,
    directory: directoryOf(configuration, places),
    lagMax,
    understands,
    lastIndex,
    progressOf: (id) => byId.get(id) ?? null,
    isAlive: (id) => id === own || byId.get(id)?.recentlyActive === true,
    lagOf: (id) => (id === own ? 0 : lastIndex - (byId.get(id)?.matchIndex ?? 0)),
  };
}

/** The directory in force, with what members have said of themselves since. */
function directoryOf({ directory }: Configuration, places: Places): MemberDirectory {
  const { members, removed } = directory ?? { members: places.entries(), removed: [] };
  return {
    members: members.map((entry) => ({
      ...entry,
      client: (entry.id === null ? null : places.member(entry.id)?.client) ?? entry.client,
    })),
    removed,
  };
}

/** As clients are told. */
export function membersOf(view: MembersView, leader: string | null): readonly MemberInfo[] {
  return view.directory.members.map(({ client, id, name, peer, willVote, witness }) => ({
    name,
    serverId: id,
    peer,
    client,
    role: roleOf(view.configuration, id),
    witness,
    willVote: willVote && roleOf(view.configuration, id) !== "voter",
    leader: id !== null && id === leader,
    alive: view.leads && id !== null ? view.isAlive(id) : null,
    lag: view.leads && id !== null ? view.lagOf(id) : null,
  }));
}

export function roleOf({ learners, outgoing, voters }: Configuration, id: ServerId | null): MemberRole {
  if (id === null) return "unstarted";
  if (voters.includes(id) || outgoing.includes(id)) return "voter";
  return learners.includes(id) ? "learner" : "unstarted";
}
