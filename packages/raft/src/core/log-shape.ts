import { invariant } from "./invariant.js";
import { logIndex } from "./types.js";
import type {
  Configuration,
  ConfigurationAt,
  EntryShapes,
  LogBase,
  LogIndex,
  Term,
  TermRun,
} from "./types.js";

const CHUNK_ENTRIES = 4096;

/** Where a run of equal terms begins; it ends where the next begins. */
interface RunStart {
  readonly term: Term;
  readonly from: LogIndex;
}

/**
 * The shape of the log: terms as runs, sizes at four bytes an entry, configurations with their place.
 * The bodies are the shell's. Indexes are those of the whole log; everything up to `base.index` is compacted.
 */
export class LogShape {
  #base: LogBase;
  #lastIndex: LogIndex;
  readonly #runs: RunStart[] = [];
  /** Chunk k holds the sizes of the entries [k x 4096, (k + 1) x 4096), counted from `#firstChunk`. */
  readonly #sizes: Uint32Array[] = [];
  #firstChunk: number;
  readonly #configurations: ConfigurationAt[] = [];

  constructor(base: LogBase) {
    this.#base = base;
    this.#lastIndex = base.index;
    this.#firstChunk = Math.floor((base.index + 1) / CHUNK_ENTRIES);
  }

  get base(): LogBase {
    return this.#base;
  }

  /** The last index, or the base's when the log is empty. */
  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get lastTerm(): Term {
    return this.#runs.at(-1)?.term ?? this.#base.term;
  }

  /** The latest configuration in the log, committed or not, is the one in force (§4.1, R21). */
  get configuration(): Configuration {
    return this.#configurations.at(-1)?.configuration ?? this.#base.configuration;
  }

  /** The index of the configuration in force; the base's when none is in the log. */
  get configurationIndex(): LogIndex {
    return this.#configurations.at(-1)?.index ?? this.#base.index;
  }

  /** Where the entries of the last term begin; 1 for an empty log that begins at 1. */
  get lastTermFrom(): LogIndex {
    return this.#runs.at(-1)?.from ?? logIndex(this.#base.index + 1);
  }

  /** What stands at `index` as a base: for a snapshot, or to compact up to there. Null outside the log. */
  baseAt(index: LogIndex): LogBase | null {
    const entryTerm = this.termAt(index);
    if (entryTerm === null) return null;
    let { configuration } = this.#base;
    for (const at of this.#configurations) {
      if (at.index > index) break;
      ({ configuration } = at);
    }
    return { index, term: entryTerm, configuration };
  }

  /** The configuration in force at `index`, and every later one. */
  configurationsFrom(index: LogIndex): Configuration[] {
    const found = [this.#base.configuration];
    for (const at of this.#configurations) {
      if (at.index <= index) found.length = 0;
      found.push(at.configuration);
    }
    return found;
  }

  /** Lets go of everything up to `index`, which becomes the base (§5.1). */
  compact(index: LogIndex): void {
    const base = this.baseAt(index);
    invariant(base !== null && index >= this.#base.index, "the log is compacted inside itself");
    this.#base = base;
    while ((this.#runs[1]?.from ?? Infinity) <= index + 1) this.#runs.shift();
    if (index >= this.#lastIndex) this.#runs.length = 0;
    while ((this.#configurations[0]?.index ?? Infinity) <= index) this.#configurations.shift();
    const chunk = Math.floor((index + 1) / CHUNK_ENTRIES);
    this.#sizes.splice(0, chunk - this.#firstChunk);
    this.#firstChunk = chunk;
  }

  /** Nothing is left but a new base (R23). */
  reset(base: LogBase): void {
    this.#base = base;
    this.#lastIndex = base.index;
    this.#runs.length = 0;
    this.#sizes.length = 0;
    this.#firstChunk = Math.floor((base.index + 1) / CHUNK_ENTRIES);
    this.#configurations.length = 0;
  }

  /** The term at `index`, the base's own included; null below the base and above the end. */
  termAt(index: LogIndex): Term | null {
    if (index > this.#lastIndex || index < this.#base.index) return null;
    if (index === this.#base.index) return this.#base.term;
    return this.#runs[this.#runAt(index)]?.term ?? null;
  }

  sizeAt(index: LogIndex): number {
    invariant(index > this.#base.index && index <= this.#lastIndex, "a size is asked for inside the log");
    return this.#sizes[Math.floor(index / CHUNK_ENTRIES) - this.#firstChunk]?.[index % CHUNK_ENTRIES] ?? 0;
  }

  /** Adds one entry at the end; returns its index. */
  append(entryTerm: Term, bytes: number, configuration: Configuration | null): LogIndex {
    invariant(entryTerm >= this.lastTerm, "terms in a log never fall");
    const index = logIndex(this.#lastIndex + 1);
    const run = this.#runs.at(-1);
    if (run === undefined || run.term !== entryTerm) this.#runs.push({ term: entryTerm, from: index });
    const chunkAt = Math.floor(index / CHUNK_ENTRIES) - this.#firstChunk;
    let chunk = this.#sizes[chunkAt];
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_ENTRIES);
      this.#sizes[chunkAt] = chunk;
    }
    chunk[index % CHUNK_ENTRIES] = bytes;
    if (configuration !== null) this.#configurations.push({ index, configuration });
    this.#lastIndex = index;
    return index;
  }

  /** Adds what `shapes` holds from `from` on. `from` is the next index. */
  appendShapes(shapes: EntryShapes, from: LogIndex): void {
    invariant(from === this.#lastIndex + 1, "entries are appended without a gap");
    let next = 0;
    while (next < shapes.configurations.length && (shapes.configurations[next]?.index ?? Infinity) < from)
      next += 1;
    for (const run of shapes.runs) {
      for (let index = Math.max(run.from, from); index < run.to; index += 1) {
        const at = shapes.configurations[next];
        const configuration = at !== undefined && at.index === index ? at.configuration : null;
        if (configuration !== null) next += 1;
        this.append(run.term, shapes.sizes[index - shapes.from] ?? 0, configuration);
      }
    }
  }

  /** Drops everything at and above `from`; the configuration before comes back into force (R21). */
  truncate(from: LogIndex): void {
    invariant(from > this.#base.index && from <= this.#lastIndex, "only entries of the log are truncated");
    while ((this.#runs.at(-1)?.from ?? 0) >= from) this.#runs.pop();
    while ((this.#configurations.at(-1)?.index ?? 0) >= from) this.#configurations.pop();
    this.#sizes.length = Math.floor((from - 1) / CHUNK_ENTRIES) - this.#firstChunk + 1;
    this.#lastIndex = logIndex(from - 1);
  }

  /** The end (exclusive) of a message that begins at `from`: at most `bytesMax`, but at least one entry. */
  endWithin(from: LogIndex, bytesMax: number): LogIndex {
    let to: number = from;
    let bytes = 0;
    while (to <= this.#lastIndex) {
      bytes += this.sizeAt(logIndex(to));
      if (bytes > bytesMax && to > from) break;
      to += 1;
    }
    return logIndex(to);
  }

  bytesIn(from: LogIndex, to: LogIndex): number {
    let bytes = 0;
    for (let index = from; index < to; index = logIndex(index + 1)) bytes += this.sizeAt(index);
    return bytes;
  }

  /** The runs that cover [from, to), clipped to it. */
  runsIn(from: LogIndex, to: LogIndex): TermRun[] {
    const runs: TermRun[] = [];
    if (from >= to) return runs;
    for (let at = this.#runAt(from); at < this.#runs.length; at += 1) {
      const run = this.#runs[at];
      if (run === undefined || run.from >= to) break;
      const end = this.#runs[at + 1]?.from ?? this.#lastIndex + 1;
      runs.push({
        term: run.term,
        from: logIndex(Math.max(run.from, from)),
        to: logIndex(Math.min(end, to)),
      });
    }
    return runs;
  }

  /** What travels of the entries [from, to); empty when both are equal. */
  shapes(from: LogIndex, to: LogIndex): EntryShapes {
    const sizes: number[] = [];
    for (let index = from; index < to; index = logIndex(index + 1)) sizes.push(this.sizeAt(index));
    const configurations =
      this.#configurations.length === 0
        ? this.#configurations
        : this.#configurations.filter((at) => at.index >= from && at.index < to);
    return { from, to, runs: this.runsIn(from, to), sizes, configurations };
  }

  /**
   * The largest index at or below `index` whose term is at most `maxTerm`: the last place at which this log may
   * agree with one whose entry at `index` has `maxTerm`. Both sides of a refusal use it: one probe a term (R13).
   * Below the base when that place is not in the log any more.
   */
  lastAtOrBelow(index: LogIndex, maxTerm: Term): LogIndex {
    const baseIndex = this.#base.index;
    let at: number = Math.min(index, this.#lastIndex);
    while (at > baseIndex) {
      const run = this.#runs[this.#runAt(logIndex(at))];
      if (run === undefined || run.term <= maxTerm) return logIndex(at);
      at = Math.max(run.from - 1, baseIndex);
    }
    return logIndex(at === baseIndex && this.#base.term > maxTerm ? baseIndex - 1 : at);
  }

  /** Position in `#runs` of the run that holds `index`; most look-ups are at the end. */
  #runAt(index: LogIndex): number {
    let low = 0;
    let high = this.#runs.length - 1;
    if ((this.#runs[high]?.from ?? Infinity) <= index) return high;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#runs[middle]?.from ?? Infinity) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
