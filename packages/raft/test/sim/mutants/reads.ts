import { mutant } from "./mutant.js";
import type { Mutant } from "./mutant.js";

/** Reads and leases: R18 and R19. */
export const READ_MUTANTS: readonly Mutant[] = [
  mutant(
    "R18",
    "read before an own entry",
    "read-index.ts",
    ["  if (!hasCommittedInTerm(state)) return;\n", ""],
    "a new leader reads before an entry of its term is committed (etcd #7331)",
  ),
  mutant(
    "R18",
    "no confirmation",
    "read-index.ts",
    ["  if (confirmed < round.number) return;", "  if (confirmed < 0) return;"],
    "reads are granted without asking anyone",
  ),
  mutant(
    "R18",
    "earlier answer confirms",
    "heartbeat.ts",
    [
      "if (message.readRound > progress.readRoundAcked) progress.readRoundAcked = message.readRound;",
      "progress.readRoundAcked = state.leaderReads.lastRound;",
    ],
    "any heartbeat's answer confirms the newest round",
  ),
  mutant(
    "R18",
    "read joins a round that left",
    "read-index.ts",
    [
      "  const { leaderReads } = state;\n  const { waiting, waitingForMajority, waitingRemote } = leaderReads;",
      "  const { leaderReads } = state;\n  if (leaderReads.round !== null && leaderReads.waiting.length > 0) {\n    leaderReads.round = { ...leaderReads.round, local: [...leaderReads.round.local, ...leaderReads.waiting] };\n    leaderReads.waiting = [];\n  }\n  const { waiting, waitingForMajority, waitingRemote } = leaderReads;",
    ],
    "a read that came later is granted with the round before",
  ),
  mutant(
    "R18",
    "round of an earlier life",
    "read-index.ts",
    ["  if (message.bootEpoch !== state.options.bootEpoch) return;\n", ""],
    "an answer to a read of an earlier life of the follower serves one of this (etcd #20418)",
  ),
  mutant(
    "R18",
    "rounds used twice by a follower",
    "role.ts",
    ["  followerReads.waiting = [];", "  followerReads.waiting = [];\n  followerReads.lastRound = 0;"],
    "a follower gives a number to two rounds",
  ),
  mutant(
    "R18",
    "round left over",
    "role.ts",
    ["  leaderReads.round = null;\n  leaderReads.waiting = [];", "  leaderReads.waiting = [];"],
    "a round of an earlier leadership is confirmed in a later one",
  ),
  mutant(
    "R19",
    "lease from the answer's time",
    "lease.ts",
    ["  const from = Math.min(sent, state.nowMicros);", "  const from = Math.max(sent, state.nowMicros);"],
    "a lease runs from when the answer came (raft-rs #234)",
  ),
  mutant(
    "R19",
    "lease for ever",
    "lease.ts",
    ["state.nowMicros < end ? end : null", "state.nowMicros < Infinity ? end : null"],
    "a lease that has ended is used",
  ),
  mutant(
    "R19",
    "lease without a margin",
    "lease.ts",
    ["(100 - lease.marginPercent)", "(100 + lease.marginPercent)"],
    "a lease ends after the others are free to elect another",
  ),
  mutant(
    "R19",
    "lease outlives a transfer",
    "leadership-transfer.ts",
    ["  state.leaseEnded = true;\n", ""],
    "a leader goes on reading by its lease while it hands over (etcd raft #166)",
  ),
  mutant(
    "R19",
    "lease checked at the grant only",
    "lease.ts",
    ["  return nowMicros < Math.min(end, grant.leaseEndMicros);", "  return nowMicros >= 0;"],
    "a paused process answers from a lease that has ended meanwhile",
  ),
  mutant(
    "R19",
    "promise not kept",
    "lease.ts",
    [
      "return state.nowMicros !== null && state.nowMicros < state.promisedUntilMicros;",
      "return state.nowMicros !== null && state.nowMicros < 0 * state.promisedUntilMicros;",
    ],
    "a server that promised to keep its leader votes for another",
  ),
  mutant(
    "R19",
    "lease in an uncommitted configuration",
    "lease.ts",
    ["  if (log.configurationIndex > state.commitIndex || !hasCommittedInTerm(state)) return null;\n", ""],
    "a lease is used before a majority has it in its log",
  ),
  mutant(
    "R19",
    "promise for other figures",
    "lease.ts",
    ["  if (sent <= state.leaseSinceMicros) return null;\n", "  if (sent <= 0) return null;\n"],
    "what was promised for a shorter timeout makes a lease of the longer one",
  ),
  mutant(
    "R19",
    "promise asked of everyone",
    "lease.ts",
    ["Math.max(log.configurationIndex, log.lastTermFrom) ?", "Math.max(0 * log.configurationIndex, 0) ?"],
    "a member that has other figures in its log is taken to promise by those of the leader",
  ),
  mutant(
    "R19",
    "granted before the change",
    "lease.ts",
    [
      "  if (end === null || grant.term !== state.currentTerm) return false;\n  return nowMicros < Math.min(end, grant.leaseEndMicros);",
      '  if (end !== null) return nowMicros < Math.min(end, grant.leaseEndMicros);\n  return state.role === "leader" && !state.leaseEnded && grant.term === state.currentTerm && nowMicros < grant.leaseEndMicros;',
    ],
    "a lease that was switched off, or has other voters now, still answers what it granted",
  ),
  mutant(
    "R19",
    "bound server votes in its own term",
    "election.ts",
    [
      "const mayVote = free && (!bound || state.votedFor === message.from);",
      "const mayVote = free && (!bound || state.currentTerm > 0);",
    ],
    "a promise is forgotten when something else has brought the server into the candidate's term",
  ),
];
