import type {
  Configuration,
  ConfigurationAt,
  EntryKind,
  EntryShapes,
  LogBase,
  LogIndex,
  Proposal,
  ServerId,
  Term,
} from "../../dist/core/index.js";
import { SimulationFailure } from "./failure.js";
import { mix } from "./random.js";

/** What a client wants done. Doubles as the core's proposal. */
export interface Command extends Proposal {
  /** Unique in the run: names the attempt, not the operation. */
  readonly attempt: number;
  /** 0: no session, nothing remembers the answer. */
  readonly session: number;
  /** Counts up within a session; a retry has the number of the first attempt. */
  readonly sequence: number;
  readonly key: string;
  readonly action: Action;
}

export type Action =
  | { readonly kind: "write"; readonly value: number }
  | { readonly kind: "cas"; readonly expected: number | null; readonly value: number };

/** An entry with its body. One object in the whole run, made by the leader that proposed it. */
export interface SimEntry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly bytes: number;
  readonly command: Command | null;
  readonly configuration: Configuration | null;
  /** A hash over the log up to the entry before, and up to this one: equal chains, equal logs (log matching). */
  readonly prevChain: number;
  readonly chain: number;
}

export function chainOf(
  prevChain: number,
  index: number,
  entryTerm: number,
  command: Command | null,
  kind: EntryKind,
): number {
  return mix(mix(mix(mix(prevChain, index), entryTerm), command?.attempt ?? -1), kind.length);
}

/** What a log begins behind, with the hash over everything below. */
export interface SimBase {
  readonly base: LogBase;
  readonly chain: number;
}

export const NO_MEMBERS: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  witnesses: [],
  autoLeave: false,
  lease: null,
};

/** Where a log begins that begins at 1. A server that joins knows no members until it has the log. */
export function startOfLog(configuration: Configuration): SimBase {
  return { base: { index: 0 as LogIndex, term: 0 as Term, configuration }, chain: 0 };
}

/** A log with bodies above a base: what a server has in memory, or on its disk. */
export class EntryLog {
  #base: SimBase;
  #entries: SimEntry[];
  /** Indexes of the configurations above the base. */
  readonly #configurations: number[];

  constructor(base: SimBase, entries: readonly SimEntry[] = []) {
    this.#base = base;
    this.#entries = [...entries];
    this.#configurations = [];
    for (const entry of entries) if (entry.configuration !== null) this.#configurations.push(entry.index);
  }

  clone(): EntryLog {
    return new EntryLog(this.#base, this.#entries);
  }

  get base(): LogBase {
    return this.#base.base;
  }

  get baseIndex(): number {
    return this.#base.base.index;
  }

  get lastIndex(): number {
    return this.baseIndex + this.#entries.length;
  }

  /** The configuration in force is the latest one, committed or not (R21). */
  get configurationIndex(): number {
    return this.#configurations.at(-1) ?? this.baseIndex;
  }

  get configuration(): Configuration {
    return this.at(this.configurationIndex)?.configuration ?? this.base.configuration;
  }

  /** Every configuration that is, or may come back, into force, with its place: the base's and all above. */
  configurationsAt(): ConfigurationAt[] {
    const { index, configuration } = this.base;
    const above = this.#configurations.flatMap((place) => {
      const entry = this.at(place);
      return entry === null || entry.configuration === null
        ? []
        : [{ index: entry.index, configuration: entry.configuration }];
    });
    return [{ index, configuration }, ...above];
  }

  /** The configuration that was in force at `index`. */
  configurationBelow(index: number): Configuration {
    return (
      this.configurationsAt().findLast((at) => at.index <= index)?.configuration ?? this.base.configuration
    );
  }

  at(index: number): SimEntry | null {
    return this.#entries[index - this.baseIndex - 1] ?? null;
  }

  /** The hash over everything up to `index`; null where this log cannot tell. */
  chainAt(index: number): number | null {
    if (index === this.baseIndex) return this.#base.chain;
    return this.at(index)?.chain ?? null;
  }

  /** Whether it holds the entry, in the log or under the base. `chain` is the whole group's truth about `index`. */
  holds(index: number, chain: number): boolean {
    return index < this.baseIndex || this.chainAt(index) === chain;
  }

  /** Puts `entries` where they belong; what stood there and behind is gone. */
  replace(entries: readonly SimEntry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    const keep = first.index - this.baseIndex - 1;
    if (keep < 0 || keep > this.#entries.length) {
      throw new SimulationFailure(
        "a write leaves no gap in the log",
        `it begins at ${first.index}, the log goes from ${this.baseIndex} to ${this.lastIndex}`,
      );
    }
    this.#entries.length = keep;
    while ((this.#configurations.at(-1) ?? 0) >= first.index) this.#configurations.pop();
    for (const entry of entries) {
      this.#entries.push(entry);
      if (entry.configuration !== null) this.#configurations.push(entry.index);
    }
  }

  /** Nothing is left but a new base (R23). */
  reset(base: SimBase): void {
    this.#base = base;
    this.#entries = [];
    this.#configurations.length = 0;
  }

  /** Lets go of everything up to the base that `base` is. */
  compact(base: SimBase): void {
    const { index } = base.base;
    if (index <= this.baseIndex) return;
    this.#entries = this.#entries.slice(index - this.baseIndex);
    this.#base = base;
    while ((this.#configurations[0] ?? Infinity) <= index) this.#configurations.shift();
  }

  slice(from: number, to: number): SimEntry[] {
    return this.#entries.slice(from - this.baseIndex - 1, to - this.baseIndex - 1);
  }

  /** The shape of everything above the base, as a restarted core wants it. */
  shapes(): EntryShapes {
    const runs: { term: Term; from: LogIndex; to: LogIndex }[] = [];
    for (const entry of this.#entries) {
      const run = runs.at(-1);
      const to = (entry.index + 1) as LogIndex;
      if (run !== undefined && run.term === entry.term) run.to = to;
      else runs.push({ term: entry.term, from: entry.index, to });
    }
    return {
      from: (this.baseIndex + 1) as LogIndex,
      to: (this.lastIndex + 1) as LogIndex,
      runs,
      sizes: this.#entries.map((entry) => entry.bytes),
      configurations: this.#entries.flatMap(({ index, configuration }) =>
        configuration === null ? [] : [{ index, configuration }],
      ),
    };
  }
}

/** Names of servers are "s1", "s2" … */
export function nameServer(number: number): ServerId {
  return `s${number}` as ServerId;
}

export function numberOf(id: ServerId): number {
  return Number(id.slice(1));
}
