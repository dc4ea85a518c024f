import { expect } from "chai";
import type { Change } from "@raftkv/store";
import { WatchIndex } from "../dist/watch/watch-index.js";
import type { WatchedKeys } from "../dist/watch/watch-index.js";
import { seededRandom } from "./support/random.js";

interface Item {
  readonly keys: WatchedKeys;
}

const changeOf = (name: string): Change => ({
  revision: 1,
  sub: 0,
  kind: "put",
  key: Buffer.from(name, "latin1"),
  value: Buffer.alloc(0),
  createRevision: 1,
  version: 1,
  lease: 0,
  previousRevision: 0,
});

function holds({ keys }: Item, name: string): boolean {
  if (keys.kind === "key") return keys.name === name;
  return keys.start <= name && (keys.end === null || name < keys.end);
}

describe("the index of watches (F6)", () => {
  it("finds by a change exactly the keys and ranges that hold it, whatever was added and removed before", () => {
    const { below, replay } = seededRandom();
    const name = (): string => String.fromCharCode(...Array.from({ length: 1 + below(2) }, () => below(256)));
    const index = new WatchIndex<Item>();
    const items = new Set<Item>();
    for (let step = 0; step < 3_000; step += 1) {
      if (below(3) === 0 && items.size > 0) {
        const item = [...items][below(items.size)];
        if (item === undefined) continue;
        items.delete(item);
        index.remove(item);
      } else {
        const start = name();
        const end = below(8) === 0 ? null : name();
        const keys: WatchedKeys =
          below(4) === 0 ? { kind: "key", name: start } : { kind: "range", start, end };
        const item = { keys };
        items.add(item);
        index.add(item);
      }
      if (step % 10 !== 0) continue;
      const key = name();
      const found = [...index.matching([changeOf(key)], () => true).keys()];
      const expected = [...items].filter((item) => holds(item, key));
      const missing = expected.filter((item) => !found.includes(item));
      expect(missing, `${replay} step ${step}`).to.deep.equal([]);
      expect(found, replay).to.have.length(expected.length);
    }
  });
});
