import { invariant } from "./invariant.js";
import type { Proposal } from "./event.js";
import type { LogShape } from "./log-shape.js";
import type { Message } from "./messages.js";
import type {
  AppendedProposals,
  ReadGrant,
  Refusal,
  Rejection,
  SnapshotTask,
  StorageWrite,
} from "./ready.js";
import { logIndex } from "./types.js";
import type { HardState, LogBase, LogIndex, ServerId, Term } from "./types.js";

/** Shared by every Ready that has none of a kind: most have few kinds. */
const NOTHING: readonly never[] = [];

/** A write that was handed to the shell and is not known to be on disk. */
interface PendingWrite {
  readonly writeSeq: number;
  readonly hardState: HardState | null;
  /** The last index this write makes durable, less what was overwritten since (R15). 0: it held no entries. */
  lastIndex: LogIndex;
}

/**
 * Collects effects until the shell takes them. It decides which messages may leave at once and which wait for the
 * disk (R1), and remembers what each write in flight will have made durable.
 */
export class Outbox<P extends Proposal> {
  appended: AppendedProposals<P>[] = [];
  reads: ReadGrant[] = [];
  rejected: Rejection<P>[] = [];
  refused: Refusal[] = [];
  snapshots: SnapshotTask[] = [];
  #sendNow: Message[] = [];
  #promises: Message[] = [];
  #hardState: HardState | null = null;
  #base: LogBase | null = null;
  /** Where the entries begin that no write holds yet; null when every entry is in a write. */
  #unwrittenFrom: LogIndex | null = null;
  readonly #pending: PendingWrite[] = [];
  #lastWriteSeq = 0;
  #durableIndex: LogIndex;

  constructor(durableIndex: LogIndex) {
    this.#durableIndex = durableIndex;
  }

  /** Entries up to here are on this server's own disk. */
  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  /** For messages that promise nothing about this server's disk. */
  send(message: Message): void {
    this.#sendNow.push(message);
  }

  /** For messages that promise term, vote or entries: they leave after everything so far is on disk (R1). */
  promise(message: Message): void {
    if (message.kind === "appendResponse" && message.success) this.#dropCoveredAck(message);
    this.#promises.push(message);
  }

  saveHardState(currentTerm: Term, votedFor: ServerId | null): void {
    this.#hardState = { currentTerm, votedFor };
  }

  /** The log has new entries from `from` on; what stood there is gone. */
  saveEntriesFrom(from: LogIndex): void {
    if (this.#unwrittenFrom === null || from < this.#unwrittenFrom) this.#unwrittenFrom = from;
  }

  /** Entries at and above `from` were overwritten: no write in flight may claim them any more (R15). */
  truncated(from: LogIndex): void {
    const last = logIndex(from - 1);
    for (const write of this.#pending) if (write.lastIndex > last) write.lastIndex = last;
    if (this.#durableIndex > last) this.#durableIndex = last;
    if (this.#unwrittenFrom !== null && this.#unwrittenFrom > from) this.#unwrittenFrom = from;
  }

  /** An installed snapshot replaced the whole log: what was to be written is void, what is in flight counts for nothing. */
  replaced(base: LogBase): void {
    for (const write of this.#pending) write.lastIndex = logIndex(0);
    if (this.#durableIndex > base.index) this.#durableIndex = base.index;
    this.#unwrittenFrom = null;
    this.#base = base;
  }

  /** The write with this number is on disk, and so is every one before it. Returns the newest hard state among them. */
  persisted(writeSeq: number): HardState | null {
    invariant(writeSeq <= this.#lastWriteSeq, "only a write that was handed out can be persisted");
    let hardState: HardState | null = null;
    let done = 0;
    for (const write of this.#pending) {
      if (write.writeSeq > writeSeq) break;
      hardState = write.hardState ?? hardState;
      if (write.lastIndex > this.#durableIndex) this.#durableIndex = write.lastIndex;
      done += 1;
    }
    this.#pending.splice(0, done);
    return hardState;
  }

  /** Whether a Ready would hold anything of this. */
  get isEmpty(): boolean {
    return (
      this.#sendNow.length === 0 &&
      this.#promises.length === 0 &&
      this.#unwrittenFrom === null &&
      this.#hardState === null &&
      this.#base === null &&
      this.appended.length === 0 &&
      this.reads.length === 0 &&
      this.rejected.length === 0 &&
      this.refused.length === 0 &&
      this.snapshots.length === 0
    );
  }

  takeSendNow(): readonly Message[] {
    if (this.#sendNow.length === 0) return NOTHING;
    const messages = this.#sendNow;
    this.#sendNow = [];
    return messages;
  }

  /**
   * The write that is due, or null. Messages that wait for the disk while nothing is to be written and nothing is in
   * flight leave at once: what they promise is on disk already.
   */
  takeWrite(log: LogShape): StorageWrite | null {
    const { lastIndex } = log;
    const from = this.#unwrittenFrom;
    const base = this.#base;
    if (from === null && base === null && this.#hardState === null) {
      if (this.#promises.length === 0) return null;
      if (this.#pending.length === 0) {
        this.#sendNow.push(...this.#promises);
        this.#promises = [];
        return null;
      }
    }
    this.#lastWriteSeq += 1;
    const write: StorageWrite = {
      writeSeq: this.#lastWriteSeq,
      hardState: this.#hardState,
      base,
      entries: from === null ? [] : log.runsIn(from, logIndex(lastIndex + 1)),
      thenSend: this.#promises,
    };
    this.#pending.push({
      writeSeq: write.writeSeq,
      hardState: write.hardState,
      lastIndex: from === null && base === null ? logIndex(0) : lastIndex,
    });
    this.#hardState = null;
    this.#base = null;
    this.#unwrittenFrom = null;
    this.#promises = [];
    return write;
  }

  takeAppended(): readonly AppendedProposals<P>[] {
    if (this.appended.length === 0) return NOTHING;
    const taken = this.appended;
    this.appended = [];
    return taken;
  }

  takeReads(): readonly ReadGrant[] {
    if (this.reads.length === 0) return NOTHING;
    const taken = this.reads;
    this.reads = [];
    return taken;
  }

  takeRejected(): readonly Rejection<P>[] {
    if (this.rejected.length === 0) return NOTHING;
    const taken = this.rejected;
    this.rejected = [];
    return taken;
  }

  takeRefused(): readonly Refusal[] {
    if (this.refused.length === 0) return NOTHING;
    const taken = this.refused;
    this.refused = [];
    return taken;
  }

  takeSnapshots(): readonly SnapshotTask[] {
    if (this.snapshots.length === 0) return NOTHING;
    const taken = this.snapshots;
    this.snapshots = [];
    return taken;
  }

  /** One acknowledgement of the largest match says what several would. */
  #dropCoveredAck(message: Extract<Message, { kind: "appendResponse" }>): void {
    const last = this.#promises.at(-1);
    if (
      last !== undefined &&
      last.kind === "appendResponse" &&
      last.success &&
      last.to === message.to &&
      last.term === message.term &&
      last.matchIndex <= message.matchIndex
    ) {
      this.#promises.pop();
    }
  }
}
