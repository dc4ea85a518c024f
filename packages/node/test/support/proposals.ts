import { NO_SESSION, rangeOfKey } from "@raftkv/fsm";
import { ByteBudget } from "../../dist/byte-budget.js";
import { ClientProposal } from "../../dist/group/client-proposal.js";
import type { WriteOrigin } from "../../dist/group/client-proposal.js";
import { DurationHistogram } from "../../dist/metrics/duration-histogram.js";
import type { RequestRefusal } from "../../dist/group/log-proposal.js";

export interface Told {
  /** "1 applied", "2 OVERLOADED", in the order in which the client was told. */
  readonly answers: string[];
  readonly origin: WriteOrigin;
}

/** A client that notes what it is told. */
export function told(): Told {
  const answers: string[] = [];
  const origin = {
    applied: (requestId: number) => void answers.push(`${requestId} applied`),
    refused: (requestId: number, refusal: RequestRefusal) =>
      void answers.push(`${requestId} ${refusal.code}`),
  };
  return { answers, origin };
}

export function proposalOf(
  origin: WriteOrigin,
  requestId: number,
  more: { expiresAtMs?: number; bytes?: number; budget?: ByteBudget<ClientProposal> } = {},
): ClientProposal {
  return new ClientProposal({
    bytes: more.bytes ?? 40,
    command: { kind: "delete", range: rangeOfKey(new Uint8Array()), wantPrevious: false },
    envelope: NO_SESSION,
    requestId,
    origin,
    expiresAtMs: more.expiresAtMs ?? 1_000,
    beganMs: 0,
    took: new DurationHistogram(),
    budget:
      more.budget ?? new ByteBudget({ limitBytes: 1e6, waitingBytesMax: 1e6, onGranted: () => undefined }),
  });
}
