import { askToCampaign, startTransfer } from "./leadership-transfer.js";
import type { Progress } from "./progress.js";
import { members } from "./quorum.js";
import { becomeFollower } from "./role.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import { logIndex } from "./types.js";
import type { LogIndex, ServerId } from "./types.js";

/** A witness leads only to bring a data member up to date, and hands over to the first voter that is (R24). */
export function handOverFromWitness(state: RaftState): void {
  if (state.transfer !== null || !isWitness(state, state.options.id)) return;
  let isOfUse = false;
  let isTooLate = false;
  for (const [voter, known] of heardVoters(state)) {
    if (isWitness(state, voter)) continue;
    if (known.matchIndex === state.log.lastIndex) {
      startTransfer(state, voter, { commanded: false });
      return;
    }
    if (known.nextIndex > state.log.base.index) isOfUse = true;
    else isTooLate = true;
  }
  if (isTooLate && !isOfUse) leaveToOtherWitness(state);
}

/**
 * What the data members lack is not in this log: it was compacted elsewhere, and this witness got the base alone. Another
 * witness may have it, so each gets its turn; not before an election timeout, for there may be none that has.
 */
function leaveToOtherWitness(state: RaftState): void {
  const { log, options, progress, ticks } = state;
  // Nobody hears itself: that is when it won.
  const wonTick = progress.get(options.id)?.heardTick ?? ticks;
  if (ticks - wonTick < options.electionTimeoutTicks) return;
  const witnesses = heardVoters(state)
    .filter(
      ([id, { matchIndex }]) => id !== options.id && isWitness(state, id) && matchIndex === log.lastIndex,
    )
    .map(([id]) => id)
    .sort();
  const next = witnesses.find((id) => id > options.id) ?? witnesses[0];
  if (next === undefined) return;
  askToCampaign(state, next);
  becomeFollower(state, state.currentTerm, null);
}

/** While joint, one of the old half will do where none of the new one has everything yet. */
function heardVoters({ log, options, progress, ticks }: RaftState): (readonly [ServerId, Progress])[] {
  const heard: (readonly [ServerId, Progress])[] = [];
  for (const voter of [...log.configuration.voters, ...log.configuration.outgoing]) {
    const known = progress.get(voter);
    if (known !== undefined && ticks - known.heardTick < options.electionTimeoutTicks)
      heard.push([voter, known]);
  }
  return heard;
}

/**
 * What every data member has on its disk: nobody will ever ask a witness for it (R24). A member whose removal is not
 * committed counts: the entry may be truncated, and then it is one again. This leader does not follow its progress any
 * more, so for as long nothing new is promised.
 */
export function leastDataDurable(state: RaftState): LogIndex {
  let least: number = state.commitIndex;
  for (const configuration of state.log.configurationsFrom(state.commitIndex)) {
    for (const id of members(configuration)) {
      if (configuration.witnesses.includes(id)) continue;
      least = Math.min(least, state.progress.get(id)?.matchIndex ?? state.dataDurableIndex);
    }
  }
  return logIndex(least);
}

/** How far this server's log may be compacted when it is a witness; the base otherwise. */
export function witnessCompactable(state: RaftState): LogIndex {
  const { log, options } = state;
  if (!isWitness(state, options.id)) return log.base.index;
  const known = state.role === "leader" ? leastDataDurable(state) : state.dataDurableIndex;
  return logIndex(Math.max(log.base.index, Math.min(known, state.appliedIndex)));
}
