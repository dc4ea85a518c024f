import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { expect } from "chai";
import { DueQueue } from "../dist/due-queue.js";

interface Item {
  readonly id: number;
  dueMs: number;
  gone: boolean;
}

const item = (id: number, dueMs: number): Item => ({ id, dueMs, gone: false });
const ids = (items: readonly Item[]): number[] => items.map(({ id }) => id);

describe("What falls due", () => {
  it("comes by its time, then by its id, as much as is asked for, and stays", () => {
    const queue = new DueQueue<Item>();
    for (const [id, dueMs] of [
      [4, 20],
      [1, 30],
      [3, 10],
      [2, 10],
    ] as const)
      queue.add(item(id, dueMs));
    expect(queue.first()?.id).to.equal(2);
    for (const again of [1, 2]) expect(ids(queue.due(20, 10)), `${again}`).to.deep.equal([2, 3, 4]);
    expect(ids(queue.due(20, 2))).to.deep.equal([2, 3]);
    expect(ids(queue.due(9, 10))).to.deep.equal([]);
  });

  it("is forgotten when it was removed, however far off its time was: no more places than twice what is there", () => {
    const queue = new DueQueue<Item>();
    const stays = item(1, 5_000_000);
    queue.add(stays);
    let placesMax = 0;
    for (let id = 2; id < 10_000; id++) {
      const goes = item(id, 1_000_000 + id);
      queue.add(goes);
      queue.remove(goes);
      queue.remove(goes);
      placesMax = Math.max(placesMax, queue.places);
    }
    expect(placesMax).to.be.at.most(66);
    expect(queue.first()).to.equal(stays);
  });

  it("is what a sorted list says, whatever is added, moved on and removed", () => {
    const change = record({ kind: constantFrom("add", "move", "remove"), which: nat(20), ms: nat(50) });
    assert(
      property(array(change, { maxLength: 200, size: "max" }), nat(80), (changes, nowMs) => {
        const queue = new DueQueue<Item>();
        const items: Item[] = [];
        for (const [id, { kind, which, ms }] of changes.entries()) {
          const chosen = items[which];
          if (kind === "add") {
            const added = item(id, ms);
            items.push(added);
            queue.add(added);
          } else if (chosen !== undefined && kind === "move") chosen.dueMs += ms;
          else if (chosen !== undefined) {
            queue.remove(chosen);
            items.splice(which, 1);
          }
        }
        const sorted = items.toSorted((a, b) => a.dueMs - b.dueMs || a.id - b.id);
        expect(queue.first()?.id).to.equal(sorted[0]?.id);
        const due = sorted.filter(({ dueMs }) => dueMs <= nowMs);
        expect(ids(queue.due(nowMs, 5))).to.deep.equal(ids(due.slice(0, 5)));
        expect(ids(queue.due(nowMs, 1_000))).to.deep.equal(ids(due));
      }),
    );
  });
});
