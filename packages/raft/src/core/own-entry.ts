import { configurationEntryBytes, ENTRY_HEADER_BYTES } from "./configuration-body.js";
import { trackMembers } from "./state.js";
import type { RaftState } from "./state.js";
import type { Configuration, LogIndex } from "./types.js";

/**
 * Appends an entry that no client asked for: the no-op that opens a leader's term (§6.4), or a configuration, which is
 * in force from this moment on (§4.1, R21). Never refused for want of room (R14).
 */
export function appendOwn(state: RaftState, configuration: Configuration | null): LogIndex {
  const { log, outbox } = state;
  const bytes = configuration === null ? ENTRY_HEADER_BYTES : configurationEntryBytes(configuration);
  const firstIndex = log.append(state.currentTerm, bytes, configuration);
  state.uncommittedBytes += bytes;
  outbox.saveEntriesFrom(firstIndex);
  outbox.appended.push({
    firstIndex,
    term: state.currentTerm,
    proposals: [],
    kind: configuration === null ? "noop" : "configuration",
    configuration,
  });
  if (configuration !== null) trackMembers(state);
  return firstIndex;
}
