import { writeCheckpoint } from "./checkpoint-file.js";
import type { Checkpoint } from "./checkpoint-file.js";
import { invariant } from "./errors.js";
import type { FileSystem } from "./file-system.js";
import type { Position } from "./position.js";
import type { Settler } from "./settler.js";
import { collectState } from "./small-state.js";
import type { SmallStateSlices } from "./small-state.js";

/** Resolves when this node's own log is durable up to `index`; rejects when it never will be. */
export type WhenDurable = (index: number) => Promise<void>;

export interface CheckpointSource {
  readonly fileSystem: FileSystem;
  readonly settler: Settler;
  readonly directory: string;
  readonly generation: number;
  /** Called when a checkpoint is sampled: between two batches, so it is one moment. */
  readonly sample: () => Position & { readonly collected: number };
  /** The small state of the same moment, when it is called in the same turn. */
  readonly state: () => SmallStateSlices;
  /** What every write looks at to know which checkpoints a return can lead to. */
  readonly marks: { recorded: number; pending: number | null };
  readonly onFailure: (error: Error) => void;
}

/** Makes checkpoints, one at a time, while writes go on (S2). */
export class Checkpointer {
  readonly #source: CheckpointSource;
  #recorded: Checkpoint | null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: CheckpointSource, recorded: Checkpoint | null) {
    this.#source = source;
    this.#recorded = recorded;
  }

  /** The checkpoint that the next opening returns to; null before the first. */
  get recorded(): Checkpoint | null {
    return this.#recorded;
  }

  /** What a checkpoint, or a snapshot, of the call's moment is of. */
  async sample(): Promise<Checkpoint> {
    const { generation, sample, state } = this.#source;
    const position = sample();
    return { ...position, generation, state: await collectState(state()) };
  }

  /** Makes a checkpoint of everything that was applied when its turn comes, at the latest of the call's moment. */
  make(whenDurable: WhenDurable): Promise<Checkpoint> {
    const made = this.#last.then(() => this.#make(whenDurable));
    this.#last = made.catch(() => undefined);
    return made;
  }

  /** Resolves when no checkpoint is being made. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #make(whenDurable: WhenDurable): Promise<Checkpoint> {
    const { fileSystem, directory, marks, settler } = this.#source;
    let sample: Checkpoint;
    try {
      const sampled = await settler.settle(() => {
        const position = this.#source.sample();
        if (this.#recorded !== null && isSame(this.#recorded, position)) return null;
        // From here on every write names its base at the sample too: a crash leads to one or the other (S3).
        marks.pending = position.revision;
        return this.#orFail(() => this.sample());
      });
      if (sampled === null) {
        invariant(this.#recorded !== null, "a checkpoint that was made before is recorded");
        return this.#recorded;
      }
      sample = sampled;
      // A checkpoint ahead of the node's own log would stand for entries that a power loss takes away (S2).
      await whenDurable(sample.index);
      await this.#orFail(() => writeCheckpoint(fileSystem, directory, sample));
    } finally {
      marks.pending = null;
    }
    marks.recorded = sample.revision;
    this.#recorded = sample;
    return sample;
  }

  /** After a step that failed nobody knows which checkpoint counts: the store fails (S9). */
  async #orFail<Result>(step: () => Promise<Result>): Promise<Result> {
    try {
      return await step();
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#source.onFailure(failure);
      throw failure;
    }
  }
}

/** Nothing was applied in between (even an entry without a change moves the index, and direct writes the revision), and nothing collected. */
function isSame(recorded: Checkpoint, sample: Position & { readonly collected: number }): boolean {
  return (
    recorded.index === sample.index &&
    recorded.revision === sample.revision &&
    recorded.collected === sample.collected
  );
}
