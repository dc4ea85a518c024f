import {
  Raft,
  checkInvariants,
  configurationEntryBytes,
  encodeConfiguration,
} from "../../../dist/core/index.js";
import type {
  LogIndex,
  Message,
  Proposal,
  RaftEvent,
  RaftOptions,
  RaftStatus,
  ReadGrant,
  Ready,
  Refusal,
  Rejection,
  ServerId,
  Term,
} from "../../../dist/core/index.js";
import type { Disk, Entry, PendingWrite } from "./disk.js";

/** A proposal whose body is a word. */
export interface Word extends Proposal {
  readonly text: string;
}

/** A message with the bodies of its entries; the data of a snapshot goes the same way. */
export interface Envelope {
  readonly message: Message;
  readonly bodies: readonly Entry[];
}

/** How far a server's clock goes on with each of its ticks. */
export const TICK_MICROS = 10_000;

/** What the world around a server does with its effects. */
export interface ServerHooks {
  send(envelope: Envelope): void;
  apply(server: Server, entry: Entry): void;
  ready(server: Server, ready: Ready<Word>): void;
  persisted(server: Server, writeSeq: number): void;
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
  /** The state machine: everything that was ever applied, the first entry first. */
  machine: readonly Entry[];
  /** The server's own monotonic clock. */
  nowMicros = 1_000_000;
  refused: Refusal[] = [];
  /** The data of a snapshot that is being received. */
  incoming: Envelope | null = null;
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
    this.machine = disk.machine;
    this.raft = new Raft<Word>(options, disk.restart());
    for (const entry of disk.entries) this.#bodies.set(key(entry.index, entry.term), entry);
    this.#before = this.raft.status();
    checkInvariants(this.#before, null);
  }

  get status(): RaftStatus {
    return this.raft.status();
  }

  /** What was applied, as words. */
  get applied(): string[] {
    return this.machine.map((entry) => entry.text);
  }

  /** Steps the events, then takes one Ready and does what it says. */
  step(...events: readonly RaftEvent<Word>[]): void {
    for (const event of events) {
      if (event.kind === "tick") this.nowMicros += TICK_MICROS;
      this.raft.step(event, this.nowMicros);
      this.#check();
    }
    this.#drain();
  }

  receive(envelope: Envelope): void {
    const { message } = envelope;
    if (message.kind === "appendRequest") for (const entry of envelope.bodies) this.#keep(entry);
    this.step({ kind: "receive", message });
    if (message.kind !== "installSnapshot" || !message.withData) return;
    if (this.raft.expectsSnapshot(message.from, message.term)) this.incoming = envelope;
  }

  /** The data of the snapshot that is coming in is complete. */
  finishSnapshot(): void {
    const { incoming } = this;
    if (incoming === null || incoming.message.kind !== "installSnapshot")
      throw new Error(`${this.id} receives no snapshot`);
    const { from, term, base } = incoming.message;
    this.step({ kind: "snapshotReceived", from, term, base });
    this.incoming = null;
  }

  /** A checkpoint at `index`, and the log in front of it let go. */
  compact(index: LogIndex): void {
    const base = this.raft.baseAt(index);
    if (base === null) throw new RangeError(`${this.id} has no entry ${index}`);
    this.disk.compact(base, this.machine.slice(0, index));
    this.step({ kind: "compacted", index });
  }

  /** The oldest `count` writes reach the disk; their messages leave. */
  persist(count: number): void {
    const done = this.pending.splice(0, count);
    const last = done.at(-1);
    if (last === undefined) return;
    this.#hooks.persisted(this, last.write.writeSeq);
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
    this.incoming = null;
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
      for (const { firstIndex, term, proposals, kind, configuration } of ready.appended) {
        if (kind === "noop")
          this.#keep({ index: firstIndex, term, kind, text: "", bytes: 32, configuration });
        if (configuration !== null) {
          const bytes = configurationEntryBytes(configuration);
          this.#keep({
            index: firstIndex,
            term,
            kind,
            text: encodeConfiguration(configuration),
            bytes,
            configuration,
          });
        }
        for (const [at, { text, bytes }] of proposals.entries()) {
          this.#keep({ index: (firstIndex + at) as LogIndex, term, kind, text, bytes, configuration: null });
        }
      }
      this.#hooks.ready(this, ready);
      for (const message of ready.sendNow) this.#send(message);
      if (ready.write !== null) {
        const entries = ready.write.entries.flatMap((run) => this.#range(run.from, run.to, run.term));
        const machine = this.incoming?.bodies ?? [];
        this.pending.push({ write: ready.write, entries, machine });
      }
      this.grants.push(...ready.reads);
      this.rejected.push(...ready.rejected);
      this.refused.push(...ready.refused);
      for (const task of ready.snapshots) {
        if (task.kind === "install") this.machine = this.incoming?.bodies ?? [];
        if (task.kind !== "receive") this.incoming = null;
      }
      if (ready.apply !== null) this.#apply(ready.apply.from, ready.apply.to);
    }
  }

  #apply(from: LogIndex, to: LogIndex): void {
    for (let index: number = from; index < to; index += 1) {
      const entry = this.entryAt(index as LogIndex);
      if (entry === null) throw new Error(`${this.id} has no body for entry ${index} that it is to apply`);
      this.machine = [...this.machine, entry];
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
        : message.kind === "installSnapshot" && message.withData
          ? this.machine.slice(0, message.base.index)
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
