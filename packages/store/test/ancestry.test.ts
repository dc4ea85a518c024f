import { expect } from "chai";
import { ancestryAfter, stepBack } from "../dist/ancestry.js";
import type { Version } from "../dist/version.js";

/** Versions 1 … count of a key, where version i has the revision 3 * i. */
function chain(count: number): Map<number, Version> {
  const versions = new Map<number, Version>();
  let previous: Version | null = null;
  for (let i = 1; i <= count; i++) {
    const version: Version = {
      key: "k",
      modRevision: 3 * i,
      sub: 0,
      createRevision: 3,
      version: i,
      lease: 0,
      previous: 3 * (i - 1),
      ...ancestryAfter(previous),
      bases: [],
      source: Buffer.alloc(0),
      valueStart: 0,
      valueEnd: 0,
      slot: null,
    };
    versions.set(version.modRevision, version);
    previous = version;
  }
  return versions;
}

/** The newest version at or below a revision, and how many records were read on the way. */
function search(
  versions: Map<number, Version>,
  from: number,
  revision: number,
): { found: number; steps: number } {
  let at = from;
  let steps = 0;
  while (at > revision) {
    const version = versions.get(at);
    if (version === undefined) throw new Error(`a step leads to revision ${at}, where there is no version`);
    at = stepBack(version, revision);
    steps += 1;
  }
  return { found: at, steps };
}

describe("The way from a version to an older one", () => {
  it("ends at the newest version at or below the revision, from every version to every revision", () => {
    const count = 80;
    const versions = chain(count);
    for (let from = 3; from <= 3 * count; from += 3) {
      for (let revision = 0; revision <= from; revision++) {
        expect(search(versions, from, revision).found).to.equal(revision - (revision % 3));
      }
    }
  });

  it("takes O(log n) steps and stores O(log n) roots", () => {
    const count = 1 << 16;
    const versions = chain(count);
    let worst = 0;
    for (let revision = 0; revision <= 3 * count; revision += 7) {
      worst = Math.max(worst, search(versions, 3 * count, revision).steps);
    }
    expect(worst).to.be.at.most(3 * 16);
    for (const { roots } of versions.values()) expect(roots.length / 2).to.be.at.most(17);
  });
});
