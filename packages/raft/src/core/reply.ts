import type { Message } from "./messages.js";
import type { RaftState } from "./state.js";

/** For replies that promise the current term and nothing else: they wait for the disk only while it does not have it (R1). */
export function replyOnceTermIsDurable(state: RaftState, message: Message): void {
  if (state.durableTerm === state.currentTerm) state.outbox.send(message);
  else state.outbox.promise(message);
}
