/**
 * Rare branches of the core, recognised from outside by states and messages. A run over many seeds in which nobody came
 * by one of them has shown nothing about it, and fails.
 */
export const MARKS = {
  candidateLost: "a candidate follows again without having won",
  campaignTwice: "a candidate's election timer fires",
  preVoteLost: "a pre-candidate gives up because the leader speaks",
  preVoteRefusedTerm: "the refusal of a pre-vote brings a later term",
  voteRefusedLeader: "a vote request of a later term is ignored: a leader is heard (R4)",
  preVoteRefusedLeader: "a pre-vote is refused: a leader is heard (R4)",
  voteRefusedLog: "a vote is refused: the candidate's log is behind (R5)",
  voteRefusedTaken: "a vote is refused: this term's vote is given away",
  voteRepeated: "the same candidate asks again in the same term",
  outdatedAnswered: "a request of an earlier term is answered with the later one (R3)",
  steppedDownQuorum: "a leader steps down because it hears no majority (R7)",
  steppedDownTerm: "a leader learns of a later term",
  truncated: "a follower drops entries that conflict",
  truncatedInFlight: "entries are overwritten while their write is under way (R15)",
  truncatedConfirmed: "that write completes afterwards (R15)",
  appendBelowCommit: "an append that lies wholly below the commit index arrives (R10)",
  appendAcrossCommit: "an append begins below the commit index and ends above it",
  appendRefused: "an append is refused",
  refusalStale: "a refusal arrives that is older than the match index (R11)",
  hintSkips: "a hint skips more than one entry (R13)",
  windowFull: "a follower's window is full (R12)",
  emptyAppend: "an empty append follows a heartbeat's answer (R12)",
  overloaded: "a proposal is refused because too much is uncommitted (R14)",
  overloadedSingle: "a proposal larger than the cap is taken when nothing is uncommitted (R14)",
  oldTermCommitted: "entries of earlier terms are committed along with a later one (R9)",
  oldTermWaits: "a majority has an entry of an earlier term, and it is not committed (R9)",
  commitWithoutLeader: "an entry is committed before the leader's own disk has it (§10.2.1)",
  persistedJump: "one completion covers several writes",
  restartedWithVote: "a server restarts in a term in which it has voted",
  readRoundShared: "one round confirms several reads (R18)",
  readWaitsForTerm: "a read waits until an entry of the leader's term is committed (R18)",
  readAtFollower: "a read is granted to a follower",
  readLost: "a read is refused because leadership was lost while it waited",
  dropNoticeProbes: "a dropped connection turns a follower's state into probing",
} as const satisfies Readonly<Record<string, string>>;

export type Mark = keyof typeof MARKS;

export const MARK_NAMES = Object.keys(MARKS) as readonly Mark[];

export class Marks {
  readonly #reached = new Map<Mark, number>();

  hit(mark: Mark): void {
    this.#reached.set(mark, (this.#reached.get(mark) ?? 0) + 1);
  }

  get reached(): ReadonlyMap<Mark, number> {
    return this.#reached;
  }
}
