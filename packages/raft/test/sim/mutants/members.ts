import { mutant, testedMutant } from "./mutant.js";
import type { Mutant } from "./mutant.js";

/** Transfer, membership, snapshots, witnesses: R20 to R25. */
export const MEMBER_MUTANTS: readonly Mutant[] = [
  mutant(
    "R20",
    "proposals during a transfer",
    "propose.ts",
    [
      '  if (state.transfer !== null) {\n    reject(state, proposals, "transferring");\n    return;\n  }\n',
      "",
    ],
    "entries are added while the target catches up",
  ),
  mutant(
    "R20",
    "transfer never expires",
    "leadership-transfer.ts",
    ["  transfer.elapsedTicks += 1;\n", "  transfer.elapsedTicks += 0;\n"],
    "a transfer to a dead target refuses proposals for ever",
  ),
  mutant(
    "R20",
    "flag outlives the leadership",
    "role.ts",
    ["    state.transfer = null;\n", ""],
    "a transfer of an earlier leadership is taken up in the next (hashicorp/raft #696)",
  ),
  mutant(
    "R20",
    "stale TimeoutNow believed",
    "leadership-transfer.ts",
    [
      "const stale = message.lastLogIndex !== state.log.lastIndex || state.leader !== message.from;",
      "const stale = state.leader !== message.from;",
    ],
    "a TimeoutNow that was meant for another log starts an election",
  ),
  mutant(
    "R21",
    "truncation keeps the configuration",
    "log-shape.ts",
    ["    while ((this.#configurations.at(-1)?.index ?? 0) >= from) this.#configurations.pop();\n", ""],
    "a configuration that was overwritten stays in force",
  ),
  mutant(
    "R21",
    "two changes at a time",
    "membership.ts",
    [
      'return isJoint(log.configuration) || log.configurationIndex > state.commitIndex ? "changeInFlight" : null;',
      'return isJoint(log.configuration) ? "changeInFlight" : null;',
    ],
    "a change starts before the one before is committed (etcd #7280)",
  ),
  mutant(
    "R21",
    "change before an own entry",
    "membership.ts",
    ['  if (!hasCommittedInTerm(state)) return "termNotCommitted";\n', ""],
    "a new leader changes members before it knows what is committed (§4.1)",
  ),
  mutant(
    "R21",
    "joint left before it is committed",
    "membership.ts",
    [
      "if (log.configurationIndex > state.commitIndex || !hasCommittedInTerm(state)) return;\n  enter",
      "if (!hasCommittedInTerm(state)) return;\n  enter",
    ],
    "a joint configuration is left before a majority of both halves has it",
  ),
  mutant(
    "R21",
    "joint never left",
    "membership.ts",
    [
      "  enter(state, withoutOutgoing(configuration));\n}",
      '  if (hasCommittedInTerm(state) && state.role !== "leader") enter(state, withoutOutgoing(configuration));\n}',
    ],
    "nobody leaves a joint configuration that should leave on its own (etcd #12136)",
  ),
  mutant(
    "R21",
    "one half decides",
    "quorum.ts",
    [
      "  return Math.min(incoming, halfReached(configuration.outgoing, reachedBy));",
      "  return Math.max(incoming, halfReached(configuration.outgoing, reachedBy));",
    ],
    "while joint, a majority of one half is enough to commit",
  ),
  mutant(
    "R21",
    "one half elects",
    "quorum.ts",
    [
      'return incoming === "won" && outgoing === "won" ? "won" : "pending";',
      'return incoming === "won" || outgoing === "won" ? "won" : "pending";',
    ],
    "while joint, a majority of one half is enough to be elected",
  ),
  mutant(
    "R21",
    "many at once without joint",
    "membership-change.ts",
    ["difference(voters, from.voters) > 1;", "difference(voters, from.voters) > 9;"],
    "several voters come and go in one step",
  ),
  mutant(
    "R21",
    "removed leader stays",
    "membership.ts",
    [
      "if (isVoter(log.configuration, options.id) || log.configurationIndex > state.commitIndex) return;",
      "if (isVoter(log.configuration, options.id) || log.configurationIndex >= state.commitIndex - 1e9) return;",
    ],
    "a leader that is no member any more leads on",
  ),
  mutant(
    "R22",
    "promotion at once",
    "membership.ts",
    [
      "log.lastIndex - known.matchIndex > options.promotionLagEntriesMax",
      "log.lastIndex - known.matchIndex > options.promotionLagEntriesMax + 1e9",
    ],
    "a learner that has nothing yet gets a vote",
  ),
  mutant(
    "R22",
    "promotion without an answer",
    "membership.ts",
    [`if (known === undefined || known.state !== "replicate") return`, `if (known === undefined) return`],
    "a learner that has acknowledged nothing, or waits for a snapshot, gets a vote while the log is short",
  ),
  mutant(
    "R22",
    "change forgets the kind",
    "membership-change.ts",
    [
      "    witnesses: [...new Set([...from.witnesses, ...witnesses])].filter((id) => isMember(next, id)),",
      "    witnesses: [...witnesses].filter((id) => isMember(next, id) && next.learners.includes(id)),",
    ],
    "a witness becomes a data member when anything is changed",
  ),
  mutant(
    "R23",
    "matching log thrown away",
    "snapshot.ts",
    [
      "return base.index <= state.commitIndex || state.log.termAt(base.index) === base.term;",
      "return base.index <= state.commitIndex;",
    ],
    "a snapshot that the log agrees with drops the entries behind it",
  ),
  mutant(
    "R23",
    "conflicting log kept",
    "snapshot.ts",
    [
      "return base.index <= state.commitIndex || state.log.termAt(base.index) === base.term;",
      "return base.index <= state.commitIndex || state.log.lastIndex >= base.index;",
    ],
    "a log that conflicts with a snapshot stays",
  ),
  mutant(
    "R23",
    "chunks of another leader",
    "snapshot.ts",
    [
      "    incoming.from === from &&\n    incoming.term === sentTerm &&\n    sentTerm === state.currentTerm\n",
      "    from !== state.options.id &&\n    sentTerm <= state.currentTerm\n",
    ],
    "chunks that another leader sends, or this one in an earlier term, are taken in",
  ),
  mutant(
    "R23",
    "snapshot state never ends",
    "replication.ts",
    [
      ': progress.state === "snapshot" && progress.matchIndex >= progress.snapshotIndex;',
      ': progress.state === "snapshot" && progress.matchIndex > state.log.lastIndex;',
    ],
    "a follower's ack that reaches the snapshot does not end the snapshot's state",
  ),
  mutant(
    "R23",
    "configuration of the end",
    "log-shape.ts",
    ["      if (at.index > index) break;\n", ""],
    "a snapshot carries the configuration of the end of the log instead of its own (hashicorp/raft #697)",
  ),
  mutant(
    "R24",
    "witness takes proposals",
    "propose.ts",
    [
      '  if (isWitness(state, state.options.id)) {\n    reject(state, proposals, "witness");\n    return;\n  }\n',
      "",
    ],
    "a witness that leads accepts proposals",
  ),
  mutant(
    "R24",
    "witness keeps leading",
    "witness.ts",
    [
      "  if (state.transfer !== null || !isWitness(state, state.options.id)) return;\n",
      "  if (state.transfer !== null || state.ticks >= 0) return;\n",
    ],
    "a witness does not hand leadership over",
  ),
  mutant(
    "R24",
    "witness compacts what is committed",
    "witness.ts",
    [
      "  return logIndex(Math.max(log.base.index, Math.min(known, state.appliedIndex)));",
      "  return logIndex(Math.max(log.base.index, known * 0 + state.appliedIndex));",
    ],
    "a witness compacts what a data member does not have yet",
  ),
  mutant(
    "R24",
    "uncommitted removal counts",
    "witness.ts",
    [
      "for (const configuration of state.log.configurationsFrom(state.commitIndex)) {",
      "for (const configuration of [state.log.configuration]) {",
    ],
    "a witness compacts what a data member lacks whose removal is not committed",
  ),
  mutant(
    "R24",
    "promotion behind the witnesses",
    "membership.ts",
    [
      "log.configuration.witnesses.length > 0 && known.matchIndex < log.configurationIndex",
      "log.configuration.witnesses.length > 0 && known.matchIndex < log.base.index",
    ],
    "a learner gets a vote that lacks what witnesses compacted before it was a member",
  ),
  testedMutant(
    "R24",
    "useless witness leads on",
    "witness.ts",
    [
      "  if (isTooLate && !isOfUse) leaveToOtherWitness(state);\n",
      "  if (isTooLate && !isOfUse && state.ticks < 0) leaveToOtherWitness(state);\n",
    ],
    "a witness that has the base alone, and nothing that the data members lack, keeps one from leading that has it",
    ["core/witness.test.js"],
  ),
  mutant(
    "R24",
    "base sent once",
    "replication.ts",
    [
      '  if (progress.state === "snapshot" && isWitness(state, peer)) sendSnapshot(state, peer, progress);\n',
      "  if (isWitness(state, peer) && state.ticks < 0) sendSnapshot(state, peer, progress);\n",
    ],
    "the base that a witness lost on the way is never sent again",
  ),
];
