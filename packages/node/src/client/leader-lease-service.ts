import { Op, leaderLeasesSetReply, leaderLeasesShowReply } from "@raftkv/protocol";
import type { LeaderLeasesSetRequest, LeaderLeasesShowRequest } from "@raftkv/protocol";
import type { LeaseSettings } from "raft-ts";
import type { RequestRefusal } from "../group/log-proposal.js";
import type { Pace } from "../group/raft-options.js";
import { notLeader, unavailable } from "../group/refusals.js";
import type { MemberServiceOptions } from "./member-service.js";
import type { Asker } from "./reads.js";
import type { ServingGroup } from "./serving.js";

/** What operators ask about the leases by which the leader answers reads (R19). Witnesses answer as well: the log has it all. */
export class LeaderLeaseService {
  readonly #options: MemberServiceOptions;

  constructor(options: MemberServiceOptions) {
    this.#options = options;
  }

  serve(request: LeaderLeasesShowRequest | LeaderLeasesSetRequest, asker: Asker): void {
    const { requestId } = request;
    const serving = this.#options.serving();
    if (serving === null) asker.refused(requestId, unavailable(this.#options.whyNot()));
    else if (request.op === Op.leaderLeasesShow) show(requestId, serving.group, asker);
    else this.#set(request, serving.group, asker);
  }

  #set(request: LeaderLeasesSetRequest, group: ServingGroup["group"], asker: Asker): void {
    const { deadlineMs, marginPercent, requestId } = request;
    const lease = marginPercent === null ? null : leaseOf(group.pace, marginPercent);
    if (lease !== null && "code" in lease) {
      asker.refused(requestId, lease);
      return;
    }
    group.members.setLeases(lease, {
      expiresAtMs: performance.now() + (deadlineMs === 0 ? this.#options.requestTimeoutMs : deadlineMs),
      done: () => asker.answer(leaderLeasesSetReply(requestId, group.leaderLeases), 0),
      refused: (refusal) => asker.refused(requestId, refusal),
    });
  }
}

/** The leader knows what is left of its lease; that it leads, a majority says now. */
function show(requestId: number, group: ServingGroup["group"], asker: Asker): void {
  const refuse = (): void => asker.refused(requestId, notLeader(group.leader));
  const answer = (): void => asker.answer(leaderLeasesShowReply(requestId, group.leaderLeases), 0);
  if (!group.leads) refuse();
  else group.readByMajority({ granted: () => (group.leads ? answer() : refuse()), refused: refuse });
}

/** With this leader's own election timeout. A member with a shorter one keeps the leader for that long all the same (R19). */
function leaseOf(
  { electionTimeoutMs, heartbeatMs }: Pace,
  marginPercent: number,
): LeaseSettings | RequestRefusal {
  const leaseMs = (electionTimeoutMs * (100 - marginPercent)) / 100;
  if (leaseMs > heartbeatMs) return { electionTimeoutMicros: electionTimeoutMs * 1000, marginPercent };
  const message = `with a margin of ${marginPercent} % a lease ends ${leaseMs} ms after a heartbeat, and the next one comes after ${heartbeatMs} ms: take a smaller margin, or a longer election timeout`;
  return { code: "LEASES_REFUSED", message };
}
