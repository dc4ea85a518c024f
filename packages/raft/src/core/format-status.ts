import type { ProgressStatus, RaftStatus } from "./status.js";
import type { Configuration } from "./types.js";

/** What a person wants to know of one server, in a few lines. `nowMicros`: the clock that is given to `step`, or null. */
export function formatStatus(status: RaftStatus, nowMicros: number | null = null): string {
  const { base, configuration, transfer, incomingSnapshot } = status;
  const lines = [
    `${status.id}: ${status.role} in term ${status.currentTerm}, ${leaderOf(status)}, voted for ${status.votedFor ?? "nobody"}`,
    `  log: entries ${status.firstIndex} to ${status.lastIndex}, last term ${status.lastTerm}, base ${base.index}@${base.term}`,
    `  durable ${status.durableIndex}, committed ${status.commitIndex}, applied ${status.appliedIndex}` +
      (status.uncommittedBytes > 0 ? `, ${status.uncommittedBytes} bytes uncommitted` : ""),
    `  members: ${formatConfiguration(configuration)} (entry ${status.configurationIndex})`,
  ];
  for (const progress of status.progress)
    if (progress.id !== status.id) lines.push(`  ${formatProgress(progress)}`);
  if (transfer !== null) {
    lines.push(
      `  handing over to ${transfer.to} for ${transfer.elapsedTicks} ticks${transfer.asked ? ", asked it to campaign" : ""}`,
    );
  }
  if (status.leaseEndMicros !== null) lines.push(`  lease ${until(status.leaseEndMicros, nowMicros)}`);
  if (incomingSnapshot !== null) {
    lines.push(`  awaits a snapshot up to entry ${incomingSnapshot.index} from ${incomingSnapshot.from}`);
  }
  return lines.join("\n");
}

/** The members by kind: `voters a b c, learners d`; `(w)` marks a witness, `joint` both halves. */
export function formatConfiguration(configuration: Configuration): string {
  const { voters, outgoing, learners, witnesses, autoLeave } = configuration;
  const list = (ids: readonly string[]): string =>
    ids.map((id) => ((witnesses as readonly string[]).includes(id) ? `${id}(w)` : id)).join(" ");
  const parts = [
    outgoing.length === 0 ? `voters ${list(voters)}` : `joint ${list(voters)} & ${list(outgoing)}`,
  ];
  if (outgoing.length > 0 && !autoLeave) parts.push("left by hand");
  if (learners.length > 0) parts.push(`learners ${list(learners)}`);
  const lease = configuration.lease ?? null;
  if (lease !== null) parts.push(`leases of ${lease.electionTimeoutMicros} µs less ${lease.marginPercent} %`);
  return parts.join(", ");
}

function leaderOf(status: RaftStatus): string {
  return status.leader === null ? "no leader known" : `leader ${status.leader}`;
}

function formatProgress(progress: ProgressStatus): string {
  const { id, state, matchIndex, nextIndex, inflightMessages, inflightBytes } = progress;
  const parts = [`${id}: ${state}, match ${matchIndex}, next ${nextIndex}`];
  if (state === "snapshot") parts.push(`snapshot up to ${progress.snapshotIndex}`);
  if (inflightMessages > 0) parts.push(`${inflightMessages} in flight, ${inflightBytes} bytes`);
  if (progress.inflightFull) parts.push("window full");
  if (!progress.recentlyActive) parts.push(`not heard for ${progress.heardTicksAgo} ticks`);
  return parts.join(", ");
}

function until(endMicros: number, nowMicros: number | null): string {
  if (nowMicros === null) return `until ${endMicros} µs`;
  return endMicros > nowMicros ? `for ${endMicros - nowMicros} µs more` : "ended";
}
