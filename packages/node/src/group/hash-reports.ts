import type { Configuration, LogIndex, ServerId } from "raft-ts";

/** Checks whose reports are kept: members that read slowly report late. */
const KEPT = 4;

/** What the hashes that are known of one check say. */
export type HashVerdict =
  /** More are needed. */
  | { readonly kind: "open" }
  /** What a majority has. */
  | { readonly kind: "right"; readonly hash: string }
  /** They differ, and none is a majority's, at least not yet. */
  | { readonly kind: "tie" };

export function dataMembers({ learners, outgoing, voters, witnesses }: Configuration): ServerId[] {
  return [...new Set([...voters, ...outgoing, ...learners])].filter((server) => !witnesses.includes(server));
}

/** Who decides what is right. A learner is judged, and does not judge. */
export function dataVoters({ outgoing, voters, witnesses }: Configuration): ServerId[] {
  return [...new Set([...voters, ...outgoing])].filter((server) => !witnesses.includes(server));
}

/** What each member said that it holds, for the last few checks. */
export class Reports {
  /** By ascending index. */
  readonly #byIndex = new Map<LogIndex, Map<ServerId, string>>();

  /** False: it is older than those that are kept. */
  add(index: LogIndex, server: ServerId, hash: string): boolean {
    let reports = this.#byIndex.get(index);
    if (reports === undefined) {
      const oldest = Math.min(...this.#byIndex.keys());
      if (this.#byIndex.size >= KEPT && index < oldest) return false;
      reports = new Map();
      this.#byIndex.set(index, reports);
      if (this.#byIndex.size > KEPT) this.#byIndex.delete(oldest as LogIndex);
    }
    reports.set(server, hash);
    return true;
  }

  at(index: LogIndex): ReadonlyMap<ServerId, string> {
    return this.#byIndex.get(index) ?? new Map<ServerId, string>();
  }

  verdict(index: LogIndex, voters: readonly ServerId[]): HashVerdict {
    const reports = this.at(index);
    const counts = new Map<string, number>();
    for (const voter of voters) {
      const hash = reports.get(voter);
      if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    for (const [hash, count] of counts) if (2 * count > voters.length) return { kind: "right", hash };
    return { kind: counts.size > 1 ? "tie" : "open" };
  }
}
