import type { RaftEvent, ReadGrant, ServerId } from "../../dist/core/index.js";
import type { Context } from "./context.js";
import type { Command, SimEntry } from "./entry.js";
import { SimulationFailure } from "./failure.js";
import type { Machine, Result } from "./machine.js";

/** What a server tells a client. `refused`: certainly without effect. */
export type Answer =
  | { readonly kind: "written"; readonly result: Result }
  | { readonly kind: "value"; readonly value: number | null }
  | { readonly kind: "refused"; readonly leader: ServerId | null };

export type Request =
  | { readonly kind: "write"; readonly command: Command; readonly answer: (answer: Answer) => void }
  | { readonly kind: "read"; readonly key: string; readonly answer: (answer: Answer) => void };

interface WaitingRead {
  readonly key: string;
  readonly answer: (answer: Answer) => void;
  /** What was committed somewhere when the read was asked: it must see all of that. */
  readonly committedBefore: number;
  /** Null: not granted yet. */
  grant: ReadGrant | null;
}

/** The clients' requests that one life of a server has not answered yet. */
export class Requests {
  readonly #context: Context;
  readonly #proposed = new Map<Command, (answer: Answer) => void>();
  readonly #appended = new Map<number, { readonly term: number; readonly command: Command }[]>();
  readonly #reads = new Map<number, WaitingRead>();
  #granted = 0;
  #lastReadId = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** What the core is to be told of it. */
  take(request: Request, committedBefore: number): RaftEvent<Command> {
    if (request.kind === "write") {
      this.#proposed.set(request.command, request.answer);
      return { kind: "propose", proposals: [request.command] };
    }
    this.#lastReadId += 1;
    this.#reads.set(this.#lastReadId, {
      key: request.key,
      answer: request.answer,
      committedBefore,
      grant: null,
    });
    return { kind: "read", readId: this.#lastReadId };
  }

  appended(command: Command, index: number, term: number): void {
    const waiting = this.#appended.get(index);
    if (waiting === undefined) this.#appended.set(index, [{ term, command }]);
    else waiting.push({ term, command });
  }

  proposalRejected(command: Command, leader: ServerId | null): void {
    this.#answer(command, { kind: "refused", leader });
  }

  applied(entry: SimEntry, result: Result | null): void {
    const waiting = this.#appended.get(entry.index);
    if (waiting === undefined) return;
    this.#appended.delete(entry.index);
    for (const { term, command } of waiting) {
      // Another entry took the place: this attempt can have no effect any more.
      if (term !== entry.term || result === null) this.#answer(command, { kind: "refused", leader: null });
      else this.#answer(command, { kind: "written", result });
    }
  }

  granted(grant: ReadGrant): void {
    const { index, readId } = grant;
    const read = this.#reads.get(readId);
    if (read === undefined || read.grant !== null) {
      throw new SimulationFailure("a read is granted once, and only when it was asked", `read ${readId}`);
    }
    if (index < read.committedBefore) {
      throw new SimulationFailure(
        "a read sees what was committed before it was asked (R18, R19)",
        `granted at ${index}, committed was ${read.committedBefore}`,
      );
    }
    read.grant = grant;
    this.#granted += 1;
  }

  readRejected(readId: number, leader: ServerId | null): void {
    const read = this.#reads.get(readId);
    if (read === undefined || read.grant !== null) {
      throw new SimulationFailure("a read is refused once, and only when it waits", `read ${readId}`);
    }
    this.#reads.delete(readId);
    read.answer({ kind: "refused", leader });
  }

  /**
   * Answers what may be answered by now. `mayAnswer` is asked after the value was read (R19).
   * @returns what was not, and is to be asked for again.
   */
  answerReads(machine: Machine, mayAnswer: (grant: ReadGrant) => boolean): RaftEvent<Command>[] {
    const again: RaftEvent<Command>[] = [];
    if (this.#granted === 0) return again;
    for (const [readId, read] of this.#reads) {
      const { answer, grant, key } = read;
      if (grant === null || grant.index > machine.appliedIndex) continue;
      this.#granted -= 1;
      const value = machine.read(key);
      if (mayAnswer(grant)) {
        this.#reads.delete(readId);
        this.#context.count(grant.leaseEndMicros === null ? "reads" : "leaseReads");
        answer({ kind: "value", value });
      } else {
        read.grant = null;
        again.push({ kind: "readByMajority", readId });
      }
    }
    return again;
  }

  #answer(command: Command, answer: Answer): void {
    const reply = this.#proposed.get(command);
    this.#proposed.delete(command);
    reply?.(answer);
  }
}
