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
  fastFailover: "a follower campaigns early because its leader's connection dropped (R4)",
  dropIgnoredLease: "a dropped connection is ignored because the group uses leases (R4, R19)",
  leaseRead: "a read is granted by a lease (R19)",
  leaseEndedMeanwhile: "a lease ends between the grant and the answer (R19)",
  promiseHolds: "a vote request is ignored because of a promise, though no leader is known (R8, R19)",
  transferDone: "leadership is handed over (§3.10)",
  transferExpired: "a transfer expires (R20)",
  transferRefusesProposal: "a proposal is refused during a transfer (R20)",
  timeoutNowStale: "a TimeoutNow is ignored (R20)",
  jointEntered: "a joint configuration comes into force (§4.3)",
  jointFoundByNewLeader: "a new leader finds a joint configuration (R21)",
  jointLeft: "a joint configuration is left (§4.3)",
  configurationTruncated: "a configuration is taken back by a truncation (R21)",
  changeInFlightRefused: "a change of the members is refused because one is in flight (R21)",
  termNotCommittedRefused: "a change is refused because nothing of the leader's term is committed (R21)",
  notCaughtUpRefused: "a promotion is refused because the learner is behind (R22)",
  leaderRemoved: "a leader that is no member any more steps down (§4.2.2)",
  learnerVotes: "a server that is no voter of its configuration grants a vote (R5)",
  campaignsOutside: "a server campaigns that is no voter of its latest configuration (§4.2.2)",
  snapshotInstalled: "a snapshot takes the place of a log (R23)",
  snapshotConflict: "an installed snapshot replaces entries (R23)",
  snapshotNotNeeded: "a snapshot is announced that the log holds already (R23)",
  snapshotDiscarded: "a snapshot under way is discarded (R23)",
  snapshotFailed: "the data of a snapshot does not arrive (R23)",
  chunkRefused: "a chunk of a snapshot that is not expected is refused (R23)",
  compactedUnderFollower: "a follower needs what is compacted (§5.3)",
  witnessLeads: "a witness wins an election (R24)",
  witnessHandsOver: "a witness hands leadership over (R24)",
  witnessCompacts: "a witness compacts its log (R24)",
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
