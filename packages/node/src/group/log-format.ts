import { demandKnownFormat } from "@raftkv/fsm";
import { logIndex } from "raft-ts";
import type { GroupId, LogIndex, LogWriter, Raft, ServerId } from "raft-ts";
import type { LogProposal } from "./log-proposal.js";

type Standing = Pick<Raft<LogProposal>, "commitIndex" | "configuration" | "configurationIndex">;

const READ_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The newest format that every member understands; null while that is not known of one of them, or somebody is about to come or
 * go. Of witnesses as well: it is one rule for all.
 */
export function formatOfAll(
  { commitIndex, configuration, configurationIndex }: Standing,
  formatOf: (server: ServerId) => number | null,
): number | null {
  if (configurationIndex > commitIndex) return null;
  const { learners, outgoing, voters } = configuration;
  let lowest = Infinity;
  for (const server of [...voters, ...outgoing, ...learners]) {
    const format = formatOf(server);
    if (format === null) return null;
    lowest = Math.min(lowest, format);
  }
  return lowest === Infinity ? null : lowest;
}

/**
 * Looks at all entries that are yet to be applied: a server that does not understand one of them must not take part, or it would
 * end in the middle of it.
 * @throws {NewerFormatError} a newer version proposed one of them.
 */
export async function demandKnownFormats(
  log: LogWriter,
  group: GroupId,
  range: { readonly from: LogIndex; readonly to: LogIndex },
  known: number,
): Promise<void> {
  for (let from = range.from; from < range.to;) {
    const frames = await log.read(group, { from, to: range.to }, { maxBytes: READ_BYTES_MAX });
    for (const { body, kind } of frames) if (kind === "command") demandKnownFormat(body, known);
    from = logIndex(from + frames.length);
  }
}
