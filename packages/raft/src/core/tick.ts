import { campaign } from "./election.js";
import { broadcastHeartbeats, checkQuorum } from "./heartbeat.js";
import { tickTransfer } from "./leadership-transfer.js";
import { repeatReadRequest } from "./read-index.js";
import { tickRound } from "./read-round.js";
import type { RaftState } from "./state.js";

/** One tick of the shell's clock: everything in the core that happens for want of something else. */
export function tick(state: RaftState): void {
  state.ticks += 1;
  state.leaderHeardTicks += 1;
  if (state.role === "leader") {
    tickLeader(state);
    return;
  }
  repeatReadRequest(state);
  // A campaign begins when its requests leave: on a slow disk the timer waits for the candidate's own vote (R1).
  if (state.role === "candidate" && state.durableTerm !== state.currentTerm) return;
  state.electionElapsedTicks += 1;
  if (state.electionElapsedTicks >= state.electionTimeoutTicks) campaign(state);
}

function tickLeader(state: RaftState): void {
  checkQuorum(state);
  // Stepped down: its heartbeats stop with this tick (R7).
  if (state.role !== "leader") return;
  tickTransfer(state);
  tickRound(state);
  state.heartbeatElapsedTicks += 1;
  if (state.heartbeatElapsedTicks >= state.options.heartbeatTicks) broadcastHeartbeats(state);
}
