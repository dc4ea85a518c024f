import { expect } from "chai";
import type { Order } from "../dist/latest-scan.js";
import { SortedSlots } from "../dist/sorted-slots.js";
import type { Slot } from "../dist/sorted-slots.js";
import { UnsettledScan } from "../dist/unsettled-scan.js";
import type { Names } from "../dist/unsettled-scan.js";
import type { Version } from "../dist/version.js";
import { withSeeds } from "./support/random.js";

const ALL: Names = { start: "", end: null };

/** A layer that tells how many versions it was asked for. */
class Layer extends SortedSlots {
  readonly byName = new Map<string, Slot>();
  taken = 0;

  put(name: string, modRevision: number): void {
    const version = { key: name, modRevision } as Version;
    const slot = this.byName.get(name);
    if (slot !== undefined) {
      slot.version = version;
      return;
    }
    const added = { name, id: 0, version };
    this.insert(added);
    this.byName.set(name, added);
  }

  override *in(start: string, end: string | null): Generator<Version, void, void> {
    yield* this.#counted(super.in(start, end));
  }

  override *back(start: string, end: string | null): Generator<Version, void, void> {
    yield* this.#counted(super.back(start, end));
  }

  *#counted(versions: Generator<Version, void, void>): Generator<Version, void, void> {
    for (const version of versions) {
      this.taken += 1;
      yield version;
    }
  }
}

describe("A scan of what is not settled", () => {
  it("S8: has each key that was there, once and in order, at its version of then or a later one, whatever is put meanwhile", async () => {
    await withSeeds(100, (random) => {
      const nameOf = (): string => `k${random.below(400)}`;
      const order: Order = random.pick(["ascending", "descending"]);
      const [upper, frozen] = [new Layer(), new Layer()];
      let revision = 0;
      for (let i = random.below(random.pick([3, 300])); i > 0; i--) frozen.put(nameOf(), (revision += 1));
      for (let i = random.below(random.pick([3, 300])); i > 0; i--) upper.put(nameOf(), (revision += 1));
      const settled = Array.from({ length: 50 }, nameOf);
      const [start = "", end = null] = random.chance(0.5) ? [] : [nameOf(), nameOf()].sort();
      const isIn = (name: string): boolean => name >= start && (end === null || name < end);
      const expected = new Map<string, number>(settled.filter(isIn).map((name) => [name, 0]));
      for (const { byName } of [frozen, upper])
        for (const [name, { version }] of byName) if (isIn(name)) expected.set(name, version.modRevision);
      const begun = revision;
      // Another source that the scan is merged with, of its beginning: the records in LevelDB.
      const records = [...new Set(settled.filter(isIn))].sort();
      if (order === "descending") records.reverse();

      const scan = new UnsettledScan([upper, frozen], { start, end }, order);
      const came: string[] = [];
      for (;;) {
        const version = scan.head();
        const [record] = records;
        const name = [version?.key, record].filter((each) => each !== undefined).sort();
        const next = order === "ascending" ? name[0] : name.at(-1);
        if (next === undefined) break;
        if (record === next) records.shift();
        if (version?.key === next) scan.pass(next);
        const found = version?.key === next ? version.modRevision : 0;
        const before = expected.get(next);
        expect(found, next).to.satisfy((at: number) => at === before || at > begun);
        came.push(next);
        for (let i = random.below(4); i > 0; i--) upper.put(nameOf(), (revision += 1));
      }
      const sorted = [...new Set(came)].sort();
      if (order === "descending") sorted.reverse();
      expect(came).to.deep.equal(sorted);
      expect(came).to.include.members([...expected.keys()]);
    });
  });

  it("C5: looks up a few more than are taken, however many there are", () => {
    for (const order of ["ascending", "descending"] as const) {
      const layers = [new Layer(), new Layer()];
      for (const layer of layers) for (let i = 0; i < 20_000; i++) layer.put(`k${i}`, i + 1);
      const scan = new UnsettledScan(layers, ALL, order);
      for (let i = 0; i < 10; i++) scan.pass(scan.head()?.key ?? "");
      for (const { taken } of layers) expect(taken).to.be.within(10, 30);
    }
  });
});
