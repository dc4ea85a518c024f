import { Raft, checkInvariants } from "../../../dist/core/index.js";
import type {
  LogIndex,
  Message,
  Proposal,
  RaftEvent,
  RaftOptions,
  RaftStatus,
  ReadGrant,
  Ready,
  Rejection,
  ServerId,
  Term,
} from "../../../dist/core/index.js";
import type { Disk, Entry, PendingWrite } from "./disk.js";

/** A proposal whose body is a word. */
export interface Word extends Proposal {
  readonly text: string;
}

/** A message with the bodies of its entries. */
export interface Envelope {
  readonly message: Message;
  readonly bodies: readonly Entry[];
}

/** What the world around a server does with its effects. */
export interface ServerHooks {
  send(envelope: Envelope): void;
  apply(server: Server, entry: Entry): void;
  ready(server: Server, ready: Ready<Word>): void;
}

const key = (index: LogIndex, term: Term): string => `${index}@${term}`;

/** One core and the smallest shell that keeps the contract of `Raft`. Invariants are checked after every step. */
export class Server {
  readonly id: ServerId;
  readonly options: RaftOptions;
  readonly disk: Disk;
  raft: Raft<Word>;
  alive = true;
  /** Handed out and not on disk, oldest first. */
  pending: PendingWrite[] = [];
  applied: string[] = [];
  grants: ReadGrant[] = [];
  rejected: Rejection<Word>[] = [];
  /** While true, applied entries are not reported back. */
  holdApply = false;
  readonly #hooks: ServerHooks;
  readonly #bodies = new Map<string, Entry>();
  #before: RaftStatus;

  constructor(options: RaftOptions, disk: Disk, hooks: ServerHooks) {
    this.id = options.id;
    this.options = options;
    this.disk = disk;
    this.#hooks = hooks;
    this.raft = new Raft<Word>(options, disk.restart());
    for (const entry of disk.entries) this.#bodies.set(key(entry.index, entry.term), entry);
    this.#before = this.raft.status();
    checkInvariants(this.#before, null);
  }

  get status(): RaftStatus {
    return this.raft.status();
  }

  /** Steps the events, then takes one Ready and does what it says. */
  step(...events: readonly RaftEvent<Word>[]): void {
    for (const event of events) {
      this.raft.step(event);
      this.#check();
    }
    this.#drain();
  }

  receive(envelope: Envelope): void {
    for (const entry of envelope.bodies) this.#bodies.set(key(entry.index, entry.term), entry);
    this.step({ kind: "receive", message: envelope.message });
  }

  /** The oldest `count` writes reach the disk; their messages leave. */
  persist(count: number): void {
    const done = this.pending.splice(0, count);
    const last = done.at(-1);
    if (last === undefined) return;
    for (const pending of done) {
      this.disk.complete(pending);
      for (const message of pending.write.thenSend) this.#send(message);
    }
    this.step({ kind: "persisted", writeSeq: last.write.writeSeq });
  }

  /** What is not on disk is gone. */
  crash(): void {
    this.alive = false;
    this.pending = [];
    this.grants = [];
  }

  entryAt(index: LogIndex): Entry | null {
    const term = this.raft.termAt(index);
    return term === null ? null : (this.#bodies.get(key(index, term)) ?? null);
  }

  #check(): void {
    const now = this.raft.status();
    checkInvariants(now, this.#before);
    this.#before = now;
  }

  #drain(): void {
    for (let ready = this.raft.ready(); ready !== null; ready = this.raft.ready()) {
      this.#check();
      for (const { firstIndex, term, proposals, kind } of ready.appended) {
        if (kind === "noop") this.#keep({ index: firstIndex, term, kind, text: "", bytes: 32, configuration: null });
        for (const [at, { text, bytes }] of proposals.entries()) {
          this.#keep({ index: (firstIndex + at) as LogIndex, term, kind, text, bytes, configuration: null });
        }
      }
      this.#hooks.ready(this, ready);
      for (const message of ready.sendNow) this.#send(message);
      if (ready.write !== null) {
        const entries = ready.write.entries.flatMap((run) => this.#range(run.from, run.to, run.term));
        this.pending.push({ write: ready.write, entries });
      }
      this.grants.push(...ready.reads);
      this.rejected.push(...ready.rejected);
      if (ready.apply !== null) this.#apply(ready.apply.from, ready.apply.to);
    }
  }

  #apply(from: LogIndex, to: LogIndex): void {
    for (let index: number = from; index < to; index += 1) {
      const entry = this.entryAt(index as LogIndex);
      if (entry === null) throw new Error(`${this.id} has no body for entry ${index} that it is to apply`);
      this.applied.push(entry.text);
      this.#hooks.apply(this, entry);
    }
    if (!this.holdApply) this.step({ kind: "applied", index: (to - 1) as LogIndex });
  }

  #keep(entry: Entry): void {
    this.#bodies.set(key(entry.index, entry.term), entry);
  }

  #send(message: Message): void {
    const bodies =
      message.kind === "appendRequest"
        ? message.entries.runs.flatMap((run) => this.#range(run.from, run.to, run.term))
        : [];
    this.#hooks.send({ message, bodies });
  }

  #range(from: LogIndex, to: LogIndex, term: Term): Entry[] {
    const entries: Entry[] = [];
    for (let index: number = from; index < to; index += 1) {
      const entry = this.#bodies.get(key(index as LogIndex, term));
      if (entry === undefined) throw new Error(`${this.id} has no body for ${index}@${term}`);
      entries.push(entry);
    }
    return entries;
  }
}
