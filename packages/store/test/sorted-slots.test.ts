import { expect } from "chai";
import { SortedSlots } from "../dist/sorted-slots.js";
import type { Slot } from "../dist/sorted-slots.js";
import type { Version } from "../dist/version.js";
import { withSeeds } from "./support/random.js";

function versionOf(key: string, modRevision: number): Version {
  return { key, modRevision } as Version;
}

describe("Slots in the order of their keys", () => {
  it("S7: come in byte order whatever the order in which they came, in any range, in both directions, each with its version", async () => {
    await withSeeds(40, (random) => {
      const slots = new SortedSlots();
      const model = new Map<string, Slot>();
      const nameOf = (): string =>
        Buffer.from(Array.from({ length: random.below(4) }, () => random.pick([0, 1, 97, 255]))).toString(
          "latin1",
        ) + (random.chance(0.8) ? `${random.below(2_000)}` : "");
      for (let i = 0; i < 1_500; i++) {
        const name = nameOf();
        const version = versionOf(name, i);
        const slot = model.get(name);
        if (slot === undefined) {
          const added = { name, id: 0, version };
          slots.insert(added);
          model.set(name, added);
        } else slot.version = version;
      }
      expect(slots.size).to.equal(model.size);
      const bytes = (name: string): Buffer => Buffer.from(name, "latin1");
      const sorted = [...model.values()]
        .map(({ version }) => version)
        .sort((a, b) => bytes(a.key).compare(bytes(b.key)));
      expect([...slots.in("", null)]).to.deep.equal(sorted);
      for (let i = 0; i < 20; i++) {
        const [start, end] = [nameOf(), random.chance(0.2) ? null : nameOf()];
        const expected = sorted.filter(
          ({ key }) =>
            bytes(key).compare(bytes(start)) >= 0 && (end === null || bytes(key).compare(bytes(end)) < 0),
        );
        expect([...slots.in(start, end)], JSON.stringify([start, end])).to.deep.equal(expected);
        expect([...slots.back(start, end)].reverse(), JSON.stringify([start, end])).to.deep.equal(expected);
      }
    });
  });
});
