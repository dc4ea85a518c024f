import { startTransfer } from "./leadership-transfer.js";
import { members } from "./quorum.js";
import { isWitness } from "./state.js";
import type { RaftState } from "./state.js";
import { logIndex } from "./types.js";
import type { LogIndex } from "./types.js";

/** A witness leads only to bring a data member up to date, and hands over to the first voter that is (R24). */
export function handOverFromWitness(state: RaftState): void {
  if (state.transfer !== null || !isWitness(state, state.options.id)) return;
  const { log, options, progress, ticks } = state;
  // While joint, one of the old half will do where none of the new one has everything yet.
  for (const voter of [...log.configuration.voters, ...log.configuration.outgoing]) {
    const known = progress.get(voter);
    if (known === undefined || isWitness(state, voter) || known.matchIndex !== log.lastIndex) continue;
    if (ticks - known.heardTick >= options.electionTimeoutTicks) continue;
    startTransfer(state, voter, { commanded: false });
    return;
  }
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
