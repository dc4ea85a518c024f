import type { Configuration, RaftEvent, RaftStatus, Ready, ServerId } from "../../dist/core/index.js";
import type { Observed } from "./checks/observed.js";
import type { Command } from "./entry.js";
import type { Marks } from "./marks.js";

export function isVoter({ voters, outgoing }: Configuration, id: ServerId): boolean {
  return voters.includes(id) || outgoing.includes(id);
}

function isJoint({ outgoing }: Configuration): boolean {
  return outgoing.length > 0;
}

/** Recognises the rare branches of transfers, memberships, snapshots and witnesses. */
export class MemberMarks {
  readonly #marks: Marks;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    this.#membership(server, before, after);
    if (after.role === "leader") this.#leader(server, before, after);
    if (event.kind === "receive") this.#receives(event.message, before, after);
    if (event.kind === "snapshotReported" && !event.ok) this.#marks.hit("snapshotFailed");
  }

  readied(ready: Ready<Command>): void {
    const marks = this.#marks;
    for (const refusal of ready.refused) {
      if (refusal.reason === "expired") marks.hit("transferExpired");
      if (refusal.reason === "changeInFlight") marks.hit("changeInFlightRefused");
      if (refusal.reason === "termNotCommitted") marks.hit("termNotCommittedRefused");
      if (refusal.reason === "notCaughtUp") marks.hit("notCaughtUpRefused");
    }
    for (const task of ready.snapshots) {
      if (task.kind === "install") marks.hit("snapshotInstalled");
      if (task.kind === "discard") marks.hit("snapshotDiscarded");
    }
  }

  #membership(server: Observed, before: RaftStatus, after: RaftStatus): void {
    const marks = this.#marks;
    if (after.configurationIndex > before.configurationIndex) {
      if (!isJoint(before.configuration) && isJoint(after.configuration)) marks.hit("jointEntered");
      if (isJoint(before.configuration) && !isJoint(after.configuration)) marks.hit("jointLeft");
    }
    if (after.configurationIndex < before.configurationIndex) marks.hit("configurationTruncated");
    if (before.role === "leader" && after.role !== "leader" && after.currentTerm === before.currentTerm) {
      if (!isVoter(after.configuration, server.id)) marks.hit("leaderRemoved");
    }
    if (before.transfer !== null && after.role === "follower") marks.hit("transferDone");
    if (after.base.index > before.lastIndex || after.base.index > before.commitIndex) {
      if (before.lastIndex > before.commitIndex) marks.hit("snapshotConflict");
    }
  }

  #leader(server: Observed, before: RaftStatus, after: RaftStatus): void {
    const marks = this.#marks;
    if (before.role !== "leader") {
      if (isJoint(after.configuration)) marks.hit("jointFoundByNewLeader");
      if (server.isWitness) marks.hit("witnessLeads");
    }
    if (server.isWitness && before.transfer === null && after.transfer !== null)
      marks.hit("witnessHandsOver");
    if (after.progress.some(({ state }) => state === "snapshot")) {
      if (!before.progress.some(({ state }) => state === "snapshot")) marks.hit("compactedUnderFollower");
    }
  }

  #receives(
    message: Extract<RaftEvent, { kind: "receive" }>["message"],
    before: RaftStatus,
    after: RaftStatus,
  ): void {
    const marks = this.#marks;
    if (message.kind === "timeoutNow" && after.currentTerm === Math.max(before.currentTerm, message.term)) {
      marks.hit("timeoutNowStale");
    }
    if (message.kind === "installSnapshot" && message.term >= before.currentTerm) {
      if (after.incomingSnapshot === null && after.base.index === before.base.index)
        marks.hit("snapshotNotNeeded");
    }
  }
}
