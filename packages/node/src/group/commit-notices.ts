import type { Message, ServerId } from "raft-ts";

type CommitNotice = Extract<Message, { readonly kind: "commitNotice" }>;

/** A notice waits so long for an append to take its place while entries are on their way that will bring one … */
const BUSY_MS = 5;
/** … and so long when the leader has just become idle: the answers bring the next requests within that. */
const IDLE_MS = 1;

/**
 * Holds back what tells a follower how far the log is committed, for an append that tells the same: under load each follower is
 * spared a frame and a turn for each batch, and applies two small batches as one. Nobody waits for it but readers at
 * followers: a linearizable one lets the notice out at once, watches and serializable ones see a write so much later.
 */
export class CommitNotices {
  readonly #emit: (notices: readonly Message[]) => void;
  readonly #held = new Map<ServerId, CommitNotice>();
  #isTimed = false;
  /** The end of the last append that was sent. */
  #sentTo = 0;

  /** @param emit sends what was held for long enough. */
  constructor(emit: (notices: readonly Message[]) => void) {
    this.#emit = emit;
  }

  /** What is to leave now of messages that are to leave, in their order. */
  sift(messages: readonly Message[]): readonly Message[] {
    if (this.#held.size === 0 && !messages.some(isNotice)) {
      for (const message of messages) this.#sent(message);
      return messages;
    }
    const leaving: Message[] = [];
    for (const message of messages) {
      if (message.kind === "commitNotice") {
        this.#held.set(message.to, message);
        continue;
      }
      const held = this.#held.get(message.to);
      if (held !== undefined) {
        // The follower that is told how far to read cannot answer before it has applied that.
        if (message.kind === "readIndexResponse") leaving.push(held);
        if (message.kind === "readIndexResponse" || replaces(message, held)) this.#held.delete(message.to);
      }
      leaving.push(message);
      this.#sent(message);
    }
    if (this.#held.size > 0 && !this.#isTimed) {
      this.#isTimed = true;
      setTimeout(() => this.#fire(), this.#delayMs());
    }
    return leaving;
  }

  #sent(message: Message): void {
    if (message.kind === "appendRequest") this.#sentTo = message.entries.to;
  }

  #delayMs(): number {
    for (const { commitIndex } of this.#held.values()) if (commitIndex + 1 < this.#sentTo) return BUSY_MS;
    return IDLE_MS;
  }

  #fire(): void {
    this.#isTimed = false;
    const notices = [...this.#held.values()];
    this.#held.clear();
    if (notices.length > 0) this.#emit(notices);
  }
}

function isNotice({ kind }: Message): boolean {
  return kind === "commitNotice";
}

/** An append of a later term says more too: its sender's commit index never falls. */
function replaces(message: Message, held: CommitNotice): boolean {
  return (
    message.kind === "appendRequest" && message.term >= held.term && message.commitIndex >= held.commitIndex
  );
}
