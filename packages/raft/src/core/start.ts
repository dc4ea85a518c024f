import type { Proposal } from "./event.js";
import { invariant } from "./invariant.js";
import { LogShape } from "./log-shape.js";
import { checkOptions } from "./options.js";
import type { RaftOptions, RaftRestart } from "./options.js";
import { Outbox } from "./outbox.js";
import { createRandom } from "./random.js";
import { restartElectionTimer } from "./state.js";
import type { RaftState } from "./state.js";
import { logIndex } from "./types.js";

/** A server as it begins: a follower that knows what its disk knew, and hears nobody yet. */
export function startState<P extends Proposal>(options: RaftOptions, restart: RaftRestart): RaftState<P> {
  checkOptions(options);
  const log = new LogShape(restart.base);
  if (restart.entries.to > restart.entries.from) log.appendShapes(restart.entries, restart.entries.from);
  invariant(
    restart.appliedIndex >= restart.base.index,
    "what was applied covers the base under the log (S3)",
  );
  invariant(restart.appliedIndex <= log.lastIndex, "the log reaches what was applied (S3)");
  const { currentTerm, votedFor } = restart.hardState;
  invariant(log.lastTerm <= currentTerm, "no entry is of a later term than the current one");
  const state: RaftState<P> = {
    options,
    random: createRandom(options.seed),
    log,
    outbox: new Outbox<P>(log.lastIndex),
    role: "follower",
    currentTerm,
    votedFor,
    leader: null,
    commitIndex: restart.appliedIndex,
    appliedIndex: restart.appliedIndex,
    applyFrom: logIndex(restart.appliedIndex + 1),
    durableTerm: currentTerm,
    durableVote: votedFor,
    ticks: 0,
    nowMicros: null,
    electionElapsedTicks: 0,
    electionTimeoutTicks: 0,
    leaderHeardTicks: Infinity,
    leaderConnectionLost: false,
    heartbeatElapsedTicks: 0,
    promisedUntilMicros: 0,
    promisedTo: null,
    promiseAtStart: true,
    leaseEnded: false,
    leaseSinceMicros: 0,
    votes: new Map(),
    progress: new Map(),
    uncommittedBytes: 0,
    transfer: null,
    incomingSnapshot: null,
    dataDurableIndex: logIndex(0),
    leaderReads: {
      lastRound: 0,
      round: null,
      quick: null,
      waiting: [],
      waitingForMajority: [],
      waitingRemote: new Map(),
    },
    followerReads: { lastRound: 0, asked: [], waiting: [], elapsedTicks: 0 },
  };
  restartElectionTimer(state);
  return state;
}
