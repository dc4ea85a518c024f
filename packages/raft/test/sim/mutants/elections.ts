import { mutant } from "./mutant.js";
import type { Mutant } from "./mutant.js";

/** Votes and terms: R1 to R8. */
export const ELECTION_MUTANTS: readonly Mutant[] = [
  mutant(
    "R1",
    "vote before fsync",
    "election.ts",
    ["  state.outbox.promise(response);", "  state.outbox.send(response);"],
    "a granted vote leaves before it is on disk",
  ),
  mutant(
    "R1",
    "vote request before fsync",
    "election.ts",
    ['    outbox.promise({\n      kind: "voteRequest",', '    outbox.send({\n      kind: "voteRequest",'],
    "a vote is asked for before the candidate's own term and vote are on disk",
  ),
  mutant(
    "R1",
    "ack before fsync",
    "append-request.ts",
    ["  state.outbox.promise({", "  state.outbox.send({"],
    "entries are acknowledged before they are on disk",
  ),
  mutant(
    "R1",
    "refusal before fsync",
    "reply.ts",
    [
      "if (state.durableTerm === state.currentTerm) state",
      "if (state.durableTerm <= state.currentTerm) state",
    ],
    "an answer names a term that is not on disk",
  ),
  mutant(
    "R1",
    "own copy counted early",
    "election.ts",
    ["acknowledged(state.outbox.durableIndex)", "acknowledged(state.log.lastIndex)"],
    "a leader counts its own copy before its fsync (etcd #14370)",
  ),
  mutant(
    "R1",
    "own vote counted early",
    "election.ts",
    [
      "  enterTerm(state, term(state.currentTerm + 1), state.options.id);\n",
      "  enterTerm(state, term(state.currentTerm + 1), state.options.id);\n  recordVote(state, state.options.id, true);\n",
    ],
    "a candidate counts its own vote before it is on disk",
  ),
  mutant(
    "R1",
    "vote not saved",
    "election.ts",
    ["    state.outbox.saveHardState(state.currentTerm, message.from);\n", ""],
    "a vote is given and never written down",
  ),
  mutant(
    "R1",
    "term not saved",
    "role.ts",
    [
      "  state.outbox.saveHardState(term, votedFor);",
      "  if (votedFor !== null) state.outbox.saveHardState(term, votedFor);",
    ],
    "a term that was learned of is not written down",
  ),
  mutant(
    "R2",
    "pre-vote raises the term",
    "receive.ts",
    [
      '    case "preVoteRequest":\n      return true;\n    case "preVoteResponse"',
      '    case "preVoteRequest":\n      break;\n    case "preVoteResponse"',
    ],
    "being asked for a pre-vote raises the term",
  ),
  mutant(
    "R2",
    "pre-vote restarts the timer",
    "election.ts",
    [
      "export function handlePreVoteRequest(state: RaftState, message: PreVoteRequest): void {\n",
      "export function handlePreVoteRequest(state: RaftState, message: PreVoteRequest): void {\n  restartElectionTimer(state);\n",
    ],
    "being asked for a pre-vote restarts the election timer",
  ),
  mutant(
    "R2",
    "granted pre-vote names the own term",
    "election.ts",
    ["    term: granted ? message.term : state.currentTerm,", "    term: state.currentTerm,"],
    "a granted pre-vote carries the voter's term instead of the asked one (hashicorp/raft #609)",
  ),
  mutant(
    "R2",
    "refusal's term ignored",
    "receive.ts",
    ["      if (message.granted) return true;\n      break;", "      return true;"],
    "a pre-candidate does not adopt the later term that a refusal carries",
  ),
  mutant(
    "R3",
    "outdated pre-vote dropped",
    "receive.ts",
    ['replyOnceTermIsDurable(state, { ...reply, kind: "preVoteResponse", granted: false });', ""],
    "a pre-vote request of an earlier term is not answered (etcd #8501)",
  ),
  mutant(
    "R3",
    "outdated append dropped",
    "receive.ts",
    ["      refuseOutdated(state, message.from, message.prevLogIndex);\n", ""],
    "an append of an earlier term is not answered: a server stuck at a later one never rejoins (etcd #8243)",
  ),
  mutant(
    "R3",
    "outdated heartbeat dropped",
    "receive.ts",
    [
      '      replyOnceTermIsDurable(state, { ...reply, kind: "heartbeatResponse", readRound: 0, sentMicros: 0 });\n',
      "",
    ],
    "a heartbeat of an earlier term is not answered (openraft #1796)",
  ),
  mutant(
    "R4",
    "votes while a leader is heard",
    "receive.ts",
    ["if (!message.transfer && hearsAnotherLeader(state, message.from)) return false;", ""],
    "a vote request of a later term disturbs a server that hears its leader",
  ),
  mutant(
    "R4",
    "pre-votes while a leader is heard",
    "election.ts",
    ["    !hearsAnotherLeader(state, message.from) &&\n    isUpToDate", "    isUpToDate"],
    "a pre-vote is granted while a leader is heard",
  ),
  mutant(
    "R4",
    "transfer waits for the leader",
    "receive.ts",
    ["if (!message.transfer && hears", "if (hears"],
    "voters refuse a candidate whom their own leader asked to campaign",
  ),
  mutant(
    "R4",
    "leader kept from winning again",
    "election.ts",
    ["    state.leader !== candidate &&\n    !state.leaderConnectionLost", "    !state.leaderConnectionLost"],
    "a leader that restarted is refused because it was heard itself (hashicorp/raft #605)",
  ),
  mutant(
    "R4",
    "fast failover with leases",
    "fast-failover.ts",
    ["  if (leaseSettings(state) !== null || isPromised(state)) return;\n", ""],
    "a dropped connection makes a follower campaign although leases are in use",
  ),
  mutant(
    "R5",
    "length before term",
    "election.ts",
    [
      "return lastLogTerm > log.lastTerm || (lastLogTerm === log.lastTerm && lastLogIndex >= log.lastIndex);",
      "return lastLogIndex >= log.lastIndex && lastLogTerm > 0;",
    ],
    "the longer log wins, whatever its last term",
  ),
  mutant(
    "R5",
    "term alone",
    "election.ts",
    [
      "return lastLogTerm > log.lastTerm || (lastLogTerm === log.lastTerm && lastLogIndex >= log.lastIndex);",
      "return lastLogTerm >= log.lastTerm && lastLogIndex >= 0;",
    ],
    "a shorter log of the same term wins",
  ),
  mutant(
    "R5",
    "two votes a term",
    "election.ts",
    [
      "const free = state.votedFor === message.from || (state.votedFor === null && state.leader === null);",
      "const free = state.leader === null;",
    ],
    "a vote is given to whoever asks",
  ),
  mutant(
    "R5",
    "seeing a vote is granting it",
    "receive.ts",
    [
      "  becomeFollower(state, message.term, null);\n  return true;",
      '  becomeFollower(state, message.term, null);\n  if (message.kind === "voteRequest") state.votedFor = message.from;\n  return true;',
    ],
    "a vote request of a later term is taken for a vote that was given (openraft #1220)",
  ),
  mutant(
    "R5",
    "learner refuses",
    "election.ts",
    [
      "  const granted = mayVote && ",
      "  const granted = mayVote && isVoter(state.log.configuration, state.options.id) && ",
    ],
    "a server that does not know yet that it is a voter refuses to vote (etcd #10998)",
  ),
  mutant(
    "R6",
    "refused append restarts nothing",
    "receive.ts",
    [
      "  heardLeader(state, message.from);\n}",
      '  if (message.kind !== "appendRequest" || state.log.termAt(message.prevLogIndex) === message.prevLogTerm) heardLeader(state, message.from);\n}',
    ],
    "an append that is refused does not restart the election timer",
  ),
  mutant(
    "R7",
    "no quorum check",
    "heartbeat.ts",
    [
      "if (state.ticks - heardTick >= options.electionTimeoutTicks) becomeFollower(state, state.currentTerm, null);",
      "if (state.ticks < heardTick) becomeFollower(state, options.electionTimeoutTicks > 0 ? state.currentTerm : state.currentTerm, null);",
    ],
    "a leader that hears nobody leads on (openraft #2080)",
  ),
  mutant(
    "R7",
    "any member keeps it leading",
    "heartbeat.ts",
    [
      "  const heardTick = quorumReached(state.log.configuration, (voter) =>\n    voter === options.id ? state.ticks : (progress.get(voter)?.heardTick ?? 0),\n  );",
      "  const heardTick = quorumReached(state.log.configuration, () => Math.max(...[...progress.entries()].map(([id, { heardTick: at }]) => (id === options.id ? 0 : at))));",
    ],
    "one follower that answers is enough to lead on",
  ),
  mutant(
    "R7",
    "heartbeats go on",
    "heartbeat.ts",
    [
      "if (state.ticks - heardTick >= options.electionTimeoutTicks) becomeFollower(state, state.currentTerm, null);",
      "if (state.ticks - heardTick >= options.electionTimeoutTicks) {\n    broadcastHeartbeats(state);\n    state.leaderHeardTicks = 0;\n    for (const known of progress.values()) known.heardTick = state.ticks - 1;\n  }",
    ],
    "a leader without a majority keeps its followers from campaigning (Cloudflare, 2020)",
  ),
  mutant(
    "R8",
    "restart forgets the promise",
    "lease.ts",
    [
      "  if (lease !== null) state.promisedUntilMicros = nowMicros + lease.electionTimeoutMicros;",
      "  if (lease !== null && nowMicros < 0) state.promisedUntilMicros = nowMicros + lease.electionTimeoutMicros;",
    ],
    "a restarted server votes at once although it may have promised to keep a leader",
  ),
  mutant(
    "R6",
    "cut timeout kept",
    "role.ts",
    [
      "    state.leaderConnectionLost = false;\n    drawElectionTimeout(state);\n",
      "    state.leaderConnectionLost = false;\n",
    ],
    "a timeout that was cut short for a dropped connection stays short under the next leader",
  ),
];
