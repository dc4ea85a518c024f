import type { CommandResult, Envelope, OpResult, Refused, Settings } from "@raftkv/fsm";
import { bytesOf } from "./txn.js";

/** A session: a plain map of the answers that its client may still ask for (F3). */
export class ModelSession {
  readonly ttlMs: number;
  dueMs: number;
  answeredBelow = 1;
  readonly results = new Map<number, CommandResult>();

  constructor(ttlMs: number, dueMs: number) {
    this.ttlMs = ttlMs;
    this.dueMs = dueMs;
  }

  get bytes(): number {
    return [...this.results.values()].reduce((sum, result) => sum + resultBytes(result), 0);
  }

  /** How many numbers there are from the first that is not confirmed to the last with an answer. */
  get span(): number {
    return this.results.size === 0 ? 0 : Math.max(...this.results.keys()) + 1 - this.answeredBelow;
  }

  /** What is answered without carrying anything out; null: nothing, go on. `others`: what the other sessions span. */
  answerTo(
    { number, predecessor, answeredBelow }: Envelope,
    settings: Settings,
    others: number,
  ): CommandResult | null {
    if (number === 0) return null;
    const below = Math.max(this.answeredBelow, answeredBelow);
    if (number < below) return refusal("OUTCOME_UNKNOWN", { number, answeredBelow: below });
    const { sessionResultsMax } = settings;
    const first = this.results.get(number);
    if (first !== undefined) return first;
    if (number - below >= sessionResultsMax) return refusal("OVERLOADED", { sessionResultsMax });
    const { allResultsMax, sessionsMax } = settings;
    const span = Math.max(number, ...this.results.keys()) + 1 - below;
    const share = Math.max(1, Math.floor(allResultsMax / sessionsMax));
    const takesMore = span > this.span;
    if (takesMore && span > share && others + span > allResultsMax)
      return refusal("OVERLOADED", { allResultsMax });
    if (predecessor >= below && !this.results.has(predecessor)) {
      return refusal("OUT_OF_ORDER", { predecessor });
    }
    return null;
  }

  refusalBehind(predecessor: number): Refused | null {
    const isRefused = this.results.get(predecessor)?.kind === "refused";
    return isRefused ? refusal("PREDECESSOR_FAILED", { predecessor }) : null;
  }

  forgetBelow(number: number): void {
    this.answeredBelow = Math.max(this.answeredBelow, number);
    for (const kept of this.results.keys()) if (kept < this.answeredBelow) this.results.delete(kept);
  }
}

/** What counts of an answer that is kept. */
export function resultBytes(result: CommandResult | OpResult): number {
  switch (result.kind) {
    case "put":
      return bytesOf(result.previous === null ? [] : [result.previous]);
    case "delete":
      return bytesOf(result.previous);
    case "get":
      return bytesOf(result.entries);
    case "txn":
      return result.results.reduce((sum, one) => sum + 32 + resultBytes(one), 0);
    case "leaseKeepAlive":
      return 32 * result.leases.length;
    default:
      return 0;
  }
}

function refusal(code: Refused["code"], facts: Refused["facts"]): Refused {
  return { kind: "refused", code, facts };
}
