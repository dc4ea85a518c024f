import { expect } from "chai";
import { encodeFrame, groupId, logIndex, term } from "raft-ts";
import type { Frame } from "raft-ts";
import { EntryBodies } from "../dist/group/entry-bodies.js";

const group = groupId(1);

/** Frames [from, to) of one term, as a leader's append has them; `mark` tells those of two appends apart. */
function append(inTerm: number, from: number, to: number, mark: string): Buffer {
  const frames: Buffer[] = [];
  for (let index = from; index < to; index += 1) {
    const header = { group, term: term(inTerm), index: logIndex(index), kind: "command" } as const;
    frames.push(encodeFrame(header, Buffer.from(`${mark}${index}`)).bytes);
  }
  return Buffer.concat(frames);
}

function run(inTerm: number, from: number, to: number) {
  return { term: term(inTerm), from: logIndex(from), to: logIndex(to) };
}

function shown(frames: readonly Frame[]): string {
  return frames.map((frame) => `${frame.term}/${frame.body.toString()}`).join(" ");
}

describe("The bodies of entries that came in one turn", () => {
  function received(...appends: Parameters<typeof append>[]): EntryBodies {
    const bodies = new EntryBodies(group);
    for (const one of appends) bodies.receive(logIndex(one[1]), append(...one));
    return bodies;
  }

  it("are collected in order over the appends that brought them", () => {
    const bodies = received([1, 5, 8, "a"], [1, 8, 9, "b"], [1, 9, 11, "c"]);
    expect(shown(bodies.collect([run(1, 5, 11)]))).to.equal("1/a5 1/a6 1/a7 1/b8 1/c9 1/c10");
    expect(shown(bodies.collect([run(1, 6, 10)]))).to.equal("1/a6 1/a7 1/b8 1/c9");
  });

  it("are those of the last append where two bring the same, and of the named term where they differ", () => {
    const again = received([1, 5, 9, "a"], [1, 7, 8, "b"], [1, 8, 11, "c"]);
    expect(shown(again.collect([run(1, 5, 11)]))).to.equal("1/a5 1/a6 1/b7 1/c8 1/c9 1/c10");
    const replaced = received([1, 5, 9, "a"], [2, 7, 10, "b"]);
    expect(shown(replaced.collect([run(1, 5, 7), run(2, 7, 10)]))).to.equal("1/a5 1/a6 2/b7 2/b8 2/b9");
    expect(shown(replaced.collect([run(1, 5, 9)]))).to.equal("1/a5 1/a6 1/a7 1/a8");
  });

  it("must be at hand when they are written", () => {
    const bodies = received([1, 5, 9, "a"], [1, 9, 10, "b"]);
    expect(() => bodies.collect([run(1, 5, 11)])).to.throw("entry 10 of term 1 is at hand");
    expect(() => bodies.collect([run(2, 5, 6)])).to.throw("entry 5 of term 2 is at hand");
    expect(() => bodies.collect([run(1, 4, 6)])).to.throw("entry 4 of term 1 is at hand");
  });
});
