import { logIndex } from "raft-ts";
import type { Frame, GroupId, HardState, LogBase, LogBatch } from "raft-ts";
import { base as makeBase, hardState as makeHardState } from "./support.js";

/** What one group's log should be, kept in the plainest way. */
export interface ModelGroup {
  hardState: HardState;
  base: LogBase;
  /** By index, above the base, without gaps. */
  entries: Map<number, Frame>;
  lastIndex: number;
}

/** The state of the log after each append: what a crash may leave is one of these, whole. */
export class Model {
  #history: { readonly seq: number; readonly batch: LogBatch }[] = [];

  append(seq: number, batch: LogBatch): void {
    this.#history.push({ seq, batch });
  }

  get lastSeq(): number {
    return this.#history.at(-1)?.seq ?? 0;
  }

  /** A crash has left the appends up to `seq`. */
  rewind(seq: number): void {
    this.#history = this.#history.filter((item) => item.seq <= seq);
  }

  groups(): Map<GroupId, ModelGroup> {
    const groups = new Map<GroupId, ModelGroup>();
    for (const { batch } of this.#history) {
      let group = groups.get(batch.group);
      if (group === undefined) {
        const none = {
          ...makeBase(0, 0),
          configuration: { voters: [], outgoing: [], learners: [], witnesses: [], autoLeave: false },
        };
        group = { hardState: makeHardState(0, null), base: none, entries: new Map(), lastIndex: 0 };
        groups.set(batch.group, group);
      }
      apply(group, batch);
    }
    return groups;
  }
}

function apply(group: ModelGroup, batch: LogBatch): void {
  if (batch.hardState !== null) group.hardState = batch.hardState;
  if (batch.base !== null) {
    const { index, term } = batch.base;
    const held = index === group.base.index ? group.base.term : group.entries.get(index)?.term;
    if (held !== term) group.entries.clear();
    for (const at of group.entries.keys()) if (at <= index) group.entries.delete(at);
    if (group.entries.size === 0) group.lastIndex = index;
    group.base = batch.base;
  }
  for (const frame of batch.entries) {
    for (let at = frame.index; group.entries.has(at); at = logIndex(at + 1)) group.entries.delete(at);
    group.entries.set(frame.index, frame);
    group.lastIndex = frame.index;
  }
}
