import type { LeaderHint, MemberInfo, MembersChange } from "@raftkv/protocol";
import { DEFAULT_RAFT_LIMITS, serverId } from "raft-ts";
import type {
  Configuration,
  LeaseSettings,
  LogIndex,
  MembershipChange,
  MembershipRefusal,
  Raft,
  RaftEvent,
  Refusal,
  ServerId,
  Term,
  TransferRefusal,
} from "raft-ts";
import type { LogProposal, RequestRefusal } from "../log-proposal.js";
import { OUTCOME_UNKNOWN, STOPPING, notLeader, unavailable } from "../refusals.js";
import { isSameLease, leasesRefusal } from "./leases.js";
import type { LeasesWish } from "./leases.js";
import { Pace } from "./pace.js";
import { planOf, removalOf } from "./plan.js";
import type { Binding } from "./plan.js";
import { membersOf, viewOf } from "./view.js";
import type { MembersView, Places } from "./view.js";

/** How often it is looked whether a node that was added can be taken in, or a learner be given its vote. */
const LOOK_MS = 100;

/** Who asks for a change of the members, or for another leader. Told once how it went. */
export interface MembersAsker {
  /** Monotonic milliseconds after which nobody waits any more. */
  readonly expiresAtMs: number;
  /** Who leads now, and the members as they are now. */
  done(leader: LeaderHint | null, members: readonly MemberInfo[]): void;
  refused(refusal: RequestRefusal): void;
}

export interface MembersOptions {
  readonly raft: Raft<LogProposal>;
  readonly step: (event: RaftEvent<LogProposal>) => void;
  readonly leader: () => LeaderHint | null;
  readonly places: Places;
  /** The format in force, at a leader that knows it for sure; else null. */
  readonly logFormat: () => number | null;
  /** The newest format that every member understands, as far as all can be reached; else null. */
  readonly formatOfAll: () => number | null;
  /** Another configuration is in force, or the one in force has become committed (R21). */
  readonly onConfiguration: (configuration: Configuration, index: LogIndex, isCommitted: boolean) => void;
}

type Wish = MembersChange | Binding | LeasesWish | { readonly kind: "transfer"; readonly to: string | null };

interface Asked {
  readonly wish: Wish;
  /** Null when the leader does it of its own. */
  readonly asker: MembersAsker | null;
  /** Nobody took over from this leader, which is to be removed: it removes itself. */
  alone: boolean;
}

/** What the core was asked for, and has not answered. One at a time (R21). */
interface UnderWay extends Asked {
  readonly doing: "change" | "transfer";
  /** Of the configuration entry, once it stands in the log. */
  entry: { readonly index: LogIndex; readonly term: Term } | null;
}

/**
 * The members of a group and its leader, as operators change them: one change after the other, and each is told once it is
 * committed. A leader also takes in the nodes that were added, as soon as they are met, and gives learners the vote that they
 * were promised, as soon as they are nearly caught up (R22).
 */
export class Members {
  readonly #options: MembersOptions;
  #queue: Asked[] = [];
  #underWay: UnderWay | null = null;
  #seen: { readonly configuration: Configuration; readonly isCommitted: boolean } | null = null;
  /** Who answered at the address of a member that was added, by name. */
  readonly #met = new Map<string, Binding>();
  readonly #pace = new Pace();
  #nextLookMs = 0;

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  change(change: MembersChange, asker: MembersAsker): void {
    this.#ask({ wish: change, asker, alone: false });
  }

  /** Leadership goes to that member, or to whoever is best placed (§3.10, R20). */
  transfer(to: string | null, asker: MembersAsker): void {
    this.#ask({ wish: { kind: "transfer", to }, asker, alone: false });
  }

  /** Leader leases are used with these figures from now on, or not at all (R19): they stand in the log as the members do. */
  setLeases(lease: LeaseSettings | null, asker: MembersAsker): void {
    this.#ask({ wish: { kind: "leases", lease }, asker, alone: false });
  }

  /** As this server knows them. */
  list(): readonly MemberInfo[] {
    const { raft } = this.#options;
    return membersOf(this.#view(), raft.status().leader);
  }

  /** A node answered at the address that stands in the directory under its name. Kept: the binding may be truncated (R21). */
  met(name: string, id: string, peer: string, client: string): void {
    this.#met.set(name, { kind: "bind", name, id: serverId(id), peer, client });
  }

  /** The core did not do what it was asked for. Returns false when that was not asked for here. */
  refused({ command, reason }: Refusal): boolean {
    const asked = this.#underWay;
    if (asked === null) return false;
    if (command === "transferLeadership" && asked.doing === "transfer") this.#notTransferred(asked, reason);
    else if (command !== "transferLeadership" && asked.doing === "change") this.#notChanged(asked, reason);
    else return false;
    return true;
  }

  /** A configuration entry stands in the log. */
  appended(index: LogIndex, term: Term): void {
    const asked = this.#underWay;
    if (asked?.doing === "change") asked.entry ??= { index, term };
  }

  /** To be called behind everything that the core was told or did. */
  observe(): void {
    const { onConfiguration, raft } = this.#options;
    this.#settle();
    const { configuration, configurationIndex } = raft;
    const isCommitted = configurationIndex <= raft.commitIndex;
    if (this.#seen?.configuration === configuration && this.#seen.isCommitted === isCommitted) return;
    this.#seen = { configuration, isCommitted };
    onConfiguration(configuration, configurationIndex, isCommitted);
  }

  tick(nowMs: number): void {
    this.#expire(nowMs);
    if (nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + LOOK_MS;
    if (this.#options.raft.isLeader && this.#underWay === null && this.#queue.length === 0) this.#ownWish();
    this.#next();
  }

  /** This server stops. */
  abandon(): void {
    const queue = this.#queue;
    const asked = this.#underWay;
    this.#queue = [];
    this.#underWay = null;
    for (const { asker } of queue) asker?.refused(STOPPING);
    asked?.asker?.refused(asked.entry === null ? STOPPING : OUTCOME_UNKNOWN);
  }

  #view(): MembersView {
    const { logFormat, places, raft } = this.#options;
    return viewOf(raft.status(), places, {
      lagMax: DEFAULT_RAFT_LIMITS.promotionLagEntriesMax,
      understands: (id) => (places.logFormatOf(id) ?? 0) >= (logFormat() ?? Infinity),
    });
  }

  #ask(asked: Asked): void {
    this.#queue.push(asked);
    this.#next();
  }

  #next(): void {
    while (this.#underWay === null) {
      const asked = this.#queue.shift();
      if (asked === undefined) return;
      this.#begin(asked);
    }
  }

  #begin(asked: Asked): void {
    const { leader, raft } = this.#options;
    const { asker, wish } = asked;
    if (!raft.isLeader) {
      asker?.refused(notLeader(leader()));
      return;
    }
    if (wish.kind === "transfer") {
      this.#beginTransfer(asked, wish.to);
      return;
    }
    if (wish.kind === "leases") {
      this.#beginLeases(asked, wish);
      return;
    }
    const view = this.#view();
    const plan = planOf(wish, view);
    if (plan.kind === "refused") asker?.refused(plan.refusal);
    else if (plan.kind === "done") this.#done(asked);
    else if (plan.kind === "change") this.#beginChange(asked, plan.change);
    else if (asked.alone) this.#beginChange(asked, removalOf(view.own, view));
    else this.#stepTransfer(asked, null);
  }

  #beginChange(asked: Asked, change: MembershipChange): void {
    this.#underWay = { ...asked, doing: "change", entry: null };
    this.#options.step({ kind: "changeMembership", change });
  }

  #beginLeases(asked: Asked, { lease }: LeasesWish): void {
    const { formatOfAll, logFormat, raft, step } = this.#options;
    const isOn = isSameLease(lease, raft.configuration.lease ?? null);
    const refusal = lease === null ? null : leasesRefusal({ inForce: logFormat(), ofAll: formatOfAll() });
    if (isOn && raft.configurationIndex <= raft.commitIndex) this.#done(asked);
    else if (refusal !== null) asked.asker?.refused(refusal);
    else {
      this.#underWay = { ...asked, doing: "change", entry: null };
      step({ kind: "changeLease", lease });
    }
  }

  #beginTransfer(asked: Asked, name: string | null): void {
    const view = this.#view();
    const { configuration, directory, own } = view;
    if (name === null) {
      this.#stepTransfer(asked, null);
      return;
    }
    const entry = directory.members.find((member) => member.name === name);
    if (entry === undefined) {
      const names = directory.members.map((member) => member.name).join(", ");
      asked.asker?.refused({
        code: "MEMBER_NOT_FOUND",
        message: `there is no member "${name}": there are ${names}`,
      });
    } else if (entry.id === own) {
      this.#done(asked);
    } else if (entry.id === null || !configuration.voters.includes(entry.id) || entry.witness) {
      const why = entry.witness ? "is a witness" : "has no vote";
      asked.asker?.refused({ code: "TRANSFER_FAILED", message: `${name} cannot lead: it ${why}` });
    } else if (!view.isAlive(entry.id)) {
      // To try it would refuse all writes for an election timeout (R20).
      asked.asker?.refused({ code: "TRANSFER_FAILED", message: `${name} cannot lead: it does not answer` });
    } else {
      this.#stepTransfer(asked, entry.id);
    }
  }

  #stepTransfer(asked: Asked, to: ServerId | null): void {
    this.#underWay = { ...asked, doing: "transfer", entry: null };
    this.#options.step({ kind: "transferLeadership", to });
  }

  /** Whether what is under way has come to its end. */
  #settle(): void {
    const { leader, raft } = this.#options;
    const asked = this.#underWay;
    if (asked === null) return;
    if (asked.doing === "transfer") {
      // Until somebody leads, nobody can say who took over.
      if (raft.isLeader || leader() === null) return;
      this.#underWay = null;
      if (asked.wish.kind === "transfer") this.#done(asked);
      else asked.asker?.refused(notLeader(leader()));
    } else if (asked.entry !== null && asked.entry.index <= raft.commitIndex) {
      const standing = raft.termAt(asked.entry.index);
      this.#underWay = null;
      // Another leader's entry stands there: the change never happened.
      if (standing === null || standing === asked.entry.term) this.#done(asked);
      else asked.asker?.refused(notLeader(leader()));
    } else if (!raft.isLeader) {
      this.#underWay = null;
      asked.asker?.refused(asked.entry === null ? notLeader(leader()) : OUTCOME_UNKNOWN);
    }
    if (this.#underWay === null) this.#next();
  }

  #done({ asker }: Asked): void {
    asker?.done(this.#options.leader(), this.list());
  }

  #notChanged(asked: UnderWay, reason: MembershipRefusal | TransferRefusal): void {
    this.#underWay = null;
    switch (reason) {
      case "changeInFlight":
      case "termNotCommitted":
        // In a moment, from `tick`.
        this.#queue.unshift(asked);
        break;
      case "notCaughtUp":
        asked.asker?.refused({ code: "MEMBER_LAGS", message: "the learner lacks too many entries (R22)" });
        break;
      case "noDataVoter":
        asked.asker?.refused({
          code: "QUORUM_AT_RISK",
          message: "the last voter with data cannot be removed",
        });
        break;
      default:
        asked.asker?.refused(notLeader(this.#options.leader()));
    }
  }

  #notTransferred(asked: UnderWay, reason: MembershipRefusal | TransferRefusal): void {
    this.#underWay = null;
    if (reason === "notLeader" || reason === "noLeader") {
      asked.asker?.refused(notLeader(this.#options.leader()));
    } else if (asked.wish.kind !== "transfer") {
      this.#queue.unshift({ ...asked, alone: true });
    } else {
      const why = {
        expired: "it did not take over within an election timeout",
        inProgress: "another transfer is under way",
        noTarget: "no other voter with data is there",
      }[reason as Exclude<TransferRefusal, "notLeader" | "noLeader">];
      asked.asker?.refused({ code: "TRANSFER_FAILED", message: `leadership was not handed over: ${why}` });
    }
  }

  #expire(nowMs: number): void {
    const isLate = ({ asker }: Asked): boolean => asker !== null && asker.expiresAtMs <= nowMs;
    const late = this.#queue.filter(isLate);
    if (late.length > 0) this.#queue = this.#queue.filter((asked) => !isLate(asked));
    for (const { asker } of late) asker?.refused(unavailable("another change of the members is under way"));
    const asked = this.#underWay;
    if (asked === null || !isLate(asked)) return;
    this.#underWay = null;
    asked.asker?.refused(asked.entry === null ? unavailable("no member took over in time") : OUTCOME_UNKNOWN);
  }

  /** What the leader does without being asked. What is not possible now is looked at again later. */
  #ownWish(): void {
    const view = this.#view();
    this.#pace.look(view);
    for (const { id, name, willVote } of view.directory.members) {
      const binding = id === null ? this.#met.get(name) : undefined;
      const isReady = id !== null && willVote && this.#pace.keeps(id);
      const wish: Wish | null = binding ?? (isReady ? { kind: "promote", name, force: false } : null);
      if (wish === null || planOf(wish, view).kind !== "change") continue;
      this.#queue.push({ wish, asker: null, alone: false });
      return;
    }
  }
}
