import {
  Op,
  leaderLeasesSetRequest,
  leaderLeasesShowRequest,
  leaderTransferRequest,
  memberChangeRequest,
  memberListRequest,
} from "@raftkv/protocol";
import type { ErrorReply, MembersChange, RaftKvError, Reply, WireRequest } from "@raftkv/protocol";
import type { Route } from "../leader-finder.js";
import type { Call } from "./call.js";

type Answer = Exclude<Reply, ErrorReply>;

/** What operators ask about the members and the leader. */
abstract class MemberCall implements Call {
  abstract readonly op: Op;
  abstract toWire(id: number, deadlineMs: number): WireRequest;

  get route(): Route {
    return "write";
  }

  get isWrite(): boolean {
    return true;
  }

  /** What is as it should be already is done: so each may be sent again. */
  get isIdempotent(): boolean {
    return true;
  }

  fault(): RaftKvError | null {
    return null;
  }

  resultOf(reply: Answer): unknown {
    if (reply.op !== this.op) return undefined;
    if (reply.op === Op.leaderTransfer) return reply.leader;
    if (reply.op === Op.leaderLeasesShow || reply.op === Op.leaderLeasesSet) return reply.leases;
    return reply.op === Op.memberList || reply.op === Op.memberChange ? reply.members : undefined;
  }
}

export class MemberListCall extends MemberCall {
  readonly op = Op.memberList;
  readonly #linearizable: boolean;

  constructor(linearizable: boolean) {
    super();
    this.#linearizable = linearizable;
  }

  override get route(): Route {
    return this.#linearizable ? "write" : "serializable";
  }

  override get isWrite(): boolean {
    return false;
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return memberListRequest(id, deadlineMs, this.#linearizable);
  }
}

export class MemberChangeCall extends MemberCall {
  readonly op = Op.memberChange;
  readonly #change: MembersChange;

  constructor(change: MembersChange) {
    super();
    this.#change = change;
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return memberChangeRequest(id, deadlineMs, this.#change);
  }
}

export class LeaderTransferCall extends MemberCall {
  readonly op = Op.leaderTransfer;
  readonly #to: string | null;

  constructor(to: string | null) {
    super();
    this.#to = to;
  }

  /** Without a name it is not: whoever it went to would hand leadership on. */
  override get isIdempotent(): boolean {
    return this.#to !== null;
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return leaderTransferRequest(id, deadlineMs, this.#to);
  }
}

export class LeaderLeasesShowCall extends MemberCall {
  readonly op = Op.leaderLeasesShow;

  override get isWrite(): boolean {
    return false;
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return leaderLeasesShowRequest(id, deadlineMs);
  }
}

export class LeaderLeasesSetCall extends MemberCall {
  readonly op = Op.leaderLeasesSet;
  readonly #marginPercent: number | null;

  /** @param marginPercent null switches leases off. */
  constructor(marginPercent: number | null) {
    super();
    this.#marginPercent = marginPercent;
  }

  toWire(id: number, deadlineMs: number): WireRequest {
    return leaderLeasesSetRequest(id, deadlineMs, this.#marginPercent);
  }
}
