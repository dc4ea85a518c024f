import { logIndex } from "../core/types.js";
import type { LogIndex, Term, TermRun } from "../core/types.js";

interface RunStart {
  readonly term: Term;
  readonly from: LogIndex;
}

/** The terms of the entries above the base, as runs: a few numbers however long the log is. */
export class TermRuns {
  #runs: RunStart[] = [];

  add(index: LogIndex, term: Term): void {
    if (this.#runs.at(-1)?.term !== term) this.#runs.push({ term, from: index });
  }

  copy(): TermRuns {
    const copy = new TermRuns();
    copy.#runs = this.#runs.slice();
    return copy;
  }

  /** Forgets the entries at and above `from`. */
  truncate(from: LogIndex): void {
    while ((this.#runs.at(-1)?.from ?? 0) >= from) this.#runs.pop();
  }

  /** Forgets the entries at and below `index`. */
  dropThrough(index: LogIndex): void {
    let covered = 0;
    while ((this.#runs[covered + 1]?.from ?? Infinity) <= index + 1) covered += 1;
    this.#runs.splice(0, covered);
    const first = this.#runs[0];
    if (first !== undefined && first.from <= index)
      this.#runs[0] = { term: first.term, from: logIndex(index + 1) };
  }

  clear(): void {
    this.#runs = [];
  }

  /** The term of the entry at `index`; null below the first run. The caller knows where the log ends. */
  at(index: LogIndex): Term | null {
    for (let run = this.#runs.length - 1; run >= 0; run -= 1) {
      const start = this.#runs[run];
      if (start !== undefined && start.from <= index) return start.term;
    }
    return null;
  }

  /** The runs of a log whose last entry is `lastIndex`. */
  toRuns(lastIndex: LogIndex): TermRun[] {
    return this.#runs.map((run, at) => ({
      term: run.term,
      from: run.from,
      to: this.#runs[at + 1]?.from ?? logIndex(lastIndex + 1),
    }));
  }
}
