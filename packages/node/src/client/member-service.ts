import { Op, leaderTransferReply, memberChangeReply, memberListReply } from "@raftkv/protocol";
import type {
  LeaderHint,
  LeaderTransferRequest,
  MemberChangeRequest,
  MemberInfo,
  MemberListRequest,
} from "@raftkv/protocol";
import type { RequestRefusal } from "../group/log-proposal.js";
import type { MembersAsker } from "../group/members/members.js";
import { notLeader, unavailable } from "../group/refusals.js";
import type { Asker } from "./reads.js";
import type { ServingGroup } from "./serving.js";

export type MemberRequest = MemberListRequest | MemberChangeRequest | LeaderTransferRequest;

export interface MemberServiceOptions {
  readonly requestTimeoutMs: number;
  readonly serving: () => ServingGroup | null;
  /** Why nothing serves now. */
  readonly whyNot: () => string;
}

/** What operators ask about the members and the leader. Witnesses answer as well: nothing of it is in the store. */
export class MemberService {
  readonly #options: MemberServiceOptions;

  constructor(options: MemberServiceOptions) {
    this.#options = options;
  }

  serve(request: MemberRequest, asker: Asker): void {
    const { requestId } = request;
    const serving = this.#options.serving();
    if (serving === null) {
      asker.refused(requestId, unavailable(this.#options.whyNot()));
      return;
    }
    const { group } = serving;
    if (request.op === Op.memberList) this.#list(request, group, asker);
    else if (request.op === Op.memberChange)
      group.members.change(request.change, this.#waiting(request, asker));
    else group.members.transfer(request.to, this.#waiting(request, asker));
  }

  #list({ linearizable, requestId }: MemberListRequest, group: ServingGroup["group"], asker: Asker): void {
    const answer = (): void => asker.answer(memberListReply(requestId, group.members.list()), 0);
    if (!linearizable) {
      answer();
      return;
    }
    // The leader alone knows who is alive, and how far each is; that it leads, a majority says now.
    const refuse = (): void => asker.refused(requestId, notLeader(group.leader));
    if (!group.leads) refuse();
    else group.readByMajority({ granted: () => (group.leads ? answer() : refuse()), refused: refuse });
  }

  #waiting(request: MemberChangeRequest | LeaderTransferRequest, asker: Asker): MembersAsker {
    const { deadlineMs, op, requestId } = request;
    return {
      expiresAtMs: performance.now() + (deadlineMs === 0 ? this.#options.requestTimeoutMs : deadlineMs),
      done(leader: LeaderHint | null, members: readonly MemberInfo[]): void {
        if (op === Op.memberChange) asker.answer(memberChangeReply(requestId, members), 0);
        else if (leader === null) asker.refused(requestId, unavailable("no leader is known"));
        else asker.answer(leaderTransferReply(requestId, leader), 0);
      },
      refused: (refusal: RequestRefusal): void => asker.refused(requestId, refusal),
    };
  }
}
