import { LOG_FORMAT, LogClock, NO_SESSION, encodedSize, formatOf } from "@raftkv/fsm";
import type { Command, CommandResult, Settings, StateMachine } from "@raftkv/fsm";
import { logIndex, term } from "raft-ts";
import type { LogIndex, Term } from "raft-ts";
import { entryBytes } from "./entry-bodies.js";
import type { LogProposal } from "./log-proposal.js";

/** A command that no client asked for. It holds no permit of a client's (C2), and waits for as long as it takes. */
class OwnProposal implements LogProposal {
  readonly bytes: number;
  readonly command: Command;
  readonly envelope = NO_SESSION;
  readonly expiresAtMs = Infinity;
  term: Term = term(0);
  index: LogIndex = logIndex(0);
  readonly #onDone: () => void;

  constructor(command: Command, onDone: () => void) {
    this.command = command;
    this.bytes = entryBytes(encodedSize(command, NO_SESSION));
    this.#onDone = onDone;
  }

  applied(): void {
    this.#onDone();
  }

  /** Whatever is still to be done is proposed again. */
  refused(): void {
    this.#onDone();
  }
}

export interface LeaderDutiesOptions {
  /** The state machine that is live; null at a witness. */
  readonly machine: () => StateMachine | null;
  /** What this node was configured with: what a leader puts into the log (F1). */
  readonly settings: Omit<Settings, "logFormat">;
  /** The newest format of the log that every member understands; null while that is not known. */
  readonly formatOfAll: () => number | null;
  /** Whether the replicas are to be compared again. */
  readonly hashCheckDue: (nowMs: number) => boolean;
  /** A monotonic clock. */
  readonly nowMs: () => number;
}

/**
 * What a leader does of its own: it tells the time in its entries (F5), proposes a clock entry when a lease or a session
 * falls due, puts its settings into the log when others are there, and raises the log's format once every member understands
 * the next one.
 */
export class LeaderDuties {
  readonly #options: LeaderDutiesOptions;
  readonly #clock = new LogClock();
  /** The no-op that opened this leadership, until it is applied: before that nothing is due here. */
  #opening: { readonly index: LogIndex; readonly term: Term } | null = null;
  #elected = false;
  /** The machine's settings as they were found to be those wanted: comparing them took a sixth of an idle leader's time. */
  #settled: Settings | null = null;
  /** One of its proposals is under way: the next one waits for it. */
  #proposed = false;
  /** It is one that raises the log's format. */
  #raises = false;

  constructor(options: LeaderDutiesOptions) {
    this.#options = options;
  }

  /** What an entry that is encoded now carries. */
  stampMs(): number {
    return this.#clock.stampMs(this.#options.nowMs());
  }

  /** Log time as this server knows it: the leader's own, or that of the last entry applied. */
  logTimeMs(): number {
    return Math.max(this.stampMs(), this.#options.machine()?.logTimeMs ?? 0);
  }

  /**
   * The format that is in force, at a leader that has applied everything of former terms; null while it may be raised by an entry
   * that is not applied yet.
   */
  get logFormat(): number | null {
    if (!this.#elected || this.#raises) return null;
    return this.#options.machine()?.settings.logFormat ?? null;
  }

  /** This server's own no-op was appended. */
  began(index: LogIndex, inTerm: Term): void {
    this.ended();
    this.#opening = { index, term: inTerm };
  }

  ended(): void {
    this.#clock.deposed();
    this.#opening = null;
    this.#elected = false;
  }

  applied(index: LogIndex, inTerm: Term): void {
    const opening = this.#opening;
    if (opening === null || index !== opening.index) return;
    this.#opening = null;
    // Another leader's entry stands there: this one has been deposed, and is about to hear of it.
    if (inTerm !== opening.term) return;
    this.#elected = true;
    this.#clock.elected(this.#options.nowMs(), this.#options.machine()?.logTimeMs ?? 0);
  }

  /** What is to be proposed now; null for nothing. */
  next(): LogProposal | null {
    if (!this.#elected || this.#proposed) return null;
    const machine = this.#options.machine();
    const command = machine === null ? null : this.#dueCommand(machine);
    if (command === null) return null;
    this.#proposed = true;
    this.#raises = command.kind === "settingsChange" && command.settings.logFormat !== undefined;
    return new OwnProposal(command, () => {
      this.#proposed = false;
      this.#raises = false;
    });
  }

  #dueCommand(machine: StateMachine): Command | null {
    const { formatOfAll, hashCheckDue, nowMs, settings } = this.#options;
    if (machine.settings !== this.#settled) {
      if (!isSame(machine.settings, settings)) return { kind: "settingsChange", settings };
      this.#settled = machine.settings;
    }
    const { logFormat } = machine.settings;
    const formatMax = logFormat < LOG_FORMAT ? formatOfAll() : null;
    if (formatMax !== null && formatMax > logFormat)
      return { kind: "settingsChange", settings: { logFormat: Math.min(formatMax, LOG_FORMAT) } };
    const { nextDueMs } = machine;
    if (nextDueMs !== null && this.#clock.untilMs(nextDueMs, nowMs()) === 0) return { kind: "clock" };
    const hashCheck: Command = { kind: "hashCheck" };
    return formatOf(hashCheck) <= logFormat && hashCheckDue(nowMs()) ? hashCheck : null;
  }
}

function isSame(a: Settings, b: Partial<Settings>): boolean {
  return (Object.keys(b) as (keyof Settings)[]).every((name) => a[name] === b[name]);
}

/** Of an entry that a leader proposed of its own. */
export function isOwn({ kind }: CommandResult): boolean {
  return kind === "clock" || kind === "settingsChange" || kind === "hashCheck";
}
