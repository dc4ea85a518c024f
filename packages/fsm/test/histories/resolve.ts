import { DEFAULT_COMMAND_LIMITS, NO_SESSION, encodeInto, encodedSize, validateCommand } from "@raftkv/fsm";
import type { Command, CommandResult, CommittedEntry, Envelope, Op, Txn } from "@raftkv/fsm";
import { Model } from "../model/model.js";
import type { ModelEntry, Summary } from "../model/model.js";
import type { EntrySpec, InSession } from "./history.js";

/** A log, and what the model says of it. */
export interface Told {
  readonly entries: readonly CommittedEntry[];
  readonly results: readonly (CommandResult | null)[];
  /** After each entry; [0] before the first. */
  readonly summaries: readonly Summary[];
}

const NEVER_GRANTED = 1_000_000;

/** Makes a log of its specification, entry by entry, as the model stands then. */
export function resolve(specs: readonly EntrySpec[]): Told {
  const teller = new Teller();
  for (const spec of specs) teller.add(spec);
  return teller;
}

class Teller implements Told {
  readonly entries: CommittedEntry[] = [];
  readonly results: (CommandResult | null)[] = [];
  readonly summaries: Summary[];
  readonly #model = new Model();
  readonly #said: { readonly command: Command; readonly envelope: Envelope }[] = [];
  /** Of all that were ever granted and opened, also of those that have ended. */
  readonly #leases: number[] = [];
  readonly #sessions: number[] = [];
  /** The last number that was given in each session, and those that were left out. */
  readonly #lastNumbers = new Map<number, number>();
  readonly #skipped = new Map<number, number[]>();
  #term = 1;

  constructor() {
    this.summaries = [this.#model.summary()];
  }

  add(spec: EntrySpec): void {
    switch (spec.kind) {
      case "command": {
        const command = this.#resolved(spec.command);
        const envelope = spec.inSession === null ? NO_SESSION : this.#envelope(spec.inSession);
        this.#said.push({ command, envelope });
        this.#say(command, envelope, spec.advanceMs);
        return;
      }
      case "retry": {
        const said = this.#said.at(-1 - (spec.back % Math.max(1, this.#said.length)));
        if (said !== undefined) this.#say(said.command, said.envelope, spec.advanceMs);
        return;
      }
      case "noop":
      case "configuration": {
        if (spec.newTerm) this.#term += 1;
        const body = Buffer.from("of no concern");
        this.#tell({ term: this.#term, command: null, envelope: NO_SESSION, stampMs: 0 }, spec.kind, body);
      }
    }
  }

  #say(command: Command, envelope: Envelope, advanceMs: number): void {
    const stampMs = Math.max(0, this.#model.logTimeMs + advanceMs);
    const body = new Uint8Array(encodedSize(command, envelope));
    encodeInto(command, envelope, stampMs, body, 0);
    this.#tell({ term: this.#term, command, envelope, stampMs }, "command", body);
    const { index } = this.#model;
    if (command.kind === "leaseGrant") this.#leases.push(index);
    if (command.kind === "sessionOpen") this.#sessions.push(index);
  }

  #tell(entry: ModelEntry, kind: CommittedEntry["kind"], body: Uint8Array): void {
    const result = this.#model.apply(entry);
    this.entries.push({ index: this.#model.index, term: entry.term, kind, body });
    this.results.push(result);
    this.summaries.push(this.#model.summary());
  }

  #envelope(spec: InSession): Envelope {
    const session = this.#sessions.at(spec.session % Math.max(1, this.#sessions.length));
    if (session === undefined) return NO_SESSION;
    if (spec.unnumbered) return { session, number: 0, answeredBelow: 0, predecessor: 0 };
    const last = this.#lastNumbers.get(session) ?? 0;
    const skipped = this.#skipped.get(session) ?? [];
    this.#skipped.set(session, skipped);
    const late = spec.late ? skipped.shift() : undefined;
    const number = late ?? last + 1 + spec.skip;
    if (late === undefined) {
      for (let left = last + 1; left < number; left++) skipped.push(left);
      this.#lastNumbers.set(session, number);
    }
    const predecessor =
      spec.predecessor === "last" ? last : spec.predecessor === "missing" ? (skipped.at(-1) ?? 0) : 0;
    return { session, number, answeredBelow: Math.max(0, number - spec.unanswered), predecessor };
  }

  #resolved(command: Command): Command {
    switch (command.kind) {
      case "put":
        return { ...command, lease: this.#lease(command.lease) };
      case "txn":
        return this.#txn(command);
      case "leaseRevoke":
        return { ...command, lease: this.#lease(command.lease) };
      case "leaseKeepAlive":
        return { ...command, leases: command.leases.map((lease) => this.#lease(lease)) };
      case "compact":
        return { ...command, revision: Math.max(0, this.#model.revision + 2 - command.revision) };
      case "catalogChange":
        return { ...command, expectedVersion: this.#model.catalog.version + command.expectedVersion };
      default:
        return command;
    }
  }

  #lease(which: number): number {
    if (which === 0) return 0;
    return which === 1
      ? NEVER_GRANTED
      : (this.#leases.at((which - 2) % Math.max(1, this.#leases.length)) ?? 0);
  }

  /** Leaves out what a node would refuse to propose: a key that is put twice. */
  #txn(txn: Txn): Txn & { kind: "txn" } {
    let made: Txn & { kind: "txn" } = { kind: "txn", compares: txn.compares, then: [], else: [] };
    for (const branch of ["then", "else"] as const) {
      for (const op of txn[branch]) {
        const longer = { ...made, [branch]: [...made[branch], this.#op(op)] };
        if (isValid(longer)) made = longer;
      }
    }
    return made;
  }

  #op(op: Op): Op {
    if (op.kind === "put") return { ...op, lease: this.#lease(op.lease) };
    return op.kind === "txn" ? this.#txn(op) : op;
  }
}

function isValid(txn: Command): boolean {
  try {
    validateCommand(txn, DEFAULT_COMMAND_LIMITS);
    return true;
  } catch {
    return false;
  }
}
