import { check } from "./failure.js";
import type { Command, SimEntry } from "./entry.js";
import { mix } from "./random.js";

/** What a write was answered: whether it took effect (a compare-and-set may not). */
export interface Result {
  readonly swapped: boolean;
}

interface Remembered {
  readonly sequence: number;
  readonly result: Result;
}

/** The reference state machine: registers, and sessions that answer a retry with the first answer (F3). */
export class Machine {
  appliedIndex = 0;
  /** A hash over everything applied and everything answered. */
  hash = 0;
  readonly #registers: Map<string, number>;
  readonly #sessions: Map<number, Remembered>;

  constructor(from: Machine | null) {
    this.#registers = new Map(from === null ? [] : from.#registers);
    this.#sessions = new Map(from === null ? [] : from.#sessions);
    this.appliedIndex = from?.appliedIndex ?? 0;
    this.hash = from?.hash ?? 0;
  }

  read(key: string): number | null {
    return this.#registers.get(key) ?? null;
  }

  /** Applies the next entry. Returns the answer, and whether it took effect now; null when it is no command. */
  apply(entry: SimEntry): { readonly result: Result; readonly isFirst: boolean } | null {
    check(
      entry.index === this.appliedIndex + 1,
      "entries are applied in order, each once",
      () => `${entry.index} comes after ${this.appliedIndex}`,
    );
    this.appliedIndex = entry.index;
    this.hash = mix(this.hash, entry.chain);
    const { command } = entry;
    if (command === null) return null;
    const known = this.#sessions.get(command.session);
    if (command.session !== 0 && known !== undefined && command.sequence <= known.sequence) {
      return { result: known.result, isFirst: false };
    }
    const result = this.#execute(command);
    if (command.session !== 0) {
      this.#sessions.set(command.session, { sequence: command.sequence, result });
    }
    this.hash = mix(this.hash, result.swapped ? 1 : 2);
    return { result, isFirst: true };
  }

  #execute({ key, action }: Command): Result {
    if (action.kind === "cas" && this.read(key) !== action.expected) return { swapped: false };
    this.#registers.set(key, action.value);
    return { swapped: true };
  }
}
