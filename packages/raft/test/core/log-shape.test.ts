import { expect } from "chai";
import { logIndex, term } from "../../dist/core/index.js";
import type { LogIndex } from "../../dist/core/index.js";
import { InvariantViolation } from "../../dist/core/invariant.js";
import { LogShape } from "../../dist/core/log-shape.js";
import { configurationOf } from "./support/cluster.js";

const ONE = configurationOf(["a"]);
const TWO = configurationOf(["a", "b"]);
const THREE = configurationOf(["a", "b", "c"]);

function logOf(terms: readonly number[], baseIndex = 0, baseTerm = 0): LogShape {
  const log = new LogShape({ index: logIndex(baseIndex), term: term(baseTerm), configuration: ONE });
  for (const value of terms) log.append(term(value), 10, null);
  return log;
}

const termsOf = (log: LogShape): (number | null)[] => {
  const terms: (number | null)[] = [];
  for (let index = log.base.index + 1; index <= log.lastIndex; index += 1) {
    terms.push(log.termAt(index as LogIndex));
  }
  return terms;
};

describe("the shape of the log", () => {
  it("begins at 1, and 0 means none (W7)", () => {
    const log = logOf([]);
    expect(log.lastIndex).to.equal(0);
    expect(log.lastTerm).to.equal(0);
    expect(log.append(term(3), 10, null)).to.equal(1);
    expect(log.termAt(logIndex(0))).to.equal(0);
    expect(log.termAt(logIndex(1))).to.equal(3);
    expect(log.termAt(logIndex(2))).to.equal(null);
  });

  it("knows the term of every entry, of the base, and of nothing outside", () => {
    const log = logOf([2, 2, 5, 5, 5, 9], 100, 1);
    expect(termsOf(log)).to.deep.equal([2, 2, 5, 5, 5, 9]);
    expect(log.termAt(logIndex(100))).to.equal(1);
    expect(log.termAt(logIndex(99))).to.equal(null);
    expect(log.termAt(logIndex(107))).to.equal(null);
  });

  it("refuses terms that fall", () => {
    expect(() => logOf([3, 2])).to.throw(InvariantViolation, "never fall");
  });

  it("gives the runs of a range, clipped to it", () => {
    expect(logOf([1, 1, 1, 4, 4, 6]).runsIn(logIndex(2), logIndex(6))).to.deep.equal([
      { term: 1, from: 2, to: 4 },
      { term: 4, from: 4, to: 6 },
    ]);
    expect(logOf([1]).runsIn(logIndex(2), logIndex(2))).to.deep.equal([]);
  });

  it("truncates to what stands before, sizes included, over a chunk's border", () => {
    const log = logOf([]);
    for (let count = 0; count < 3000; count += 1) log.append(term(1), count + 1, null);
    log.truncate(logIndex(1025));
    expect(log.lastIndex).to.equal(1024);
    expect(log.sizeAt(logIndex(1024))).to.equal(1024);
    log.append(term(2), 7, null);
    expect(log.sizeAt(logIndex(1025))).to.equal(7);
    expect(log.bytesIn(logIndex(1023), logIndex(1026))).to.equal(1023 + 1024 + 7);
    expect(log.runsIn(logIndex(1024), logIndex(1026))).to.deep.equal([
      { term: 1, from: 1024, to: 1025 },
      { term: 2, from: 1025, to: 1026 },
    ]);
  });

  it("has the latest configuration in force, and the one before again after a truncation (R21)", () => {
    const log = logOf([1]);
    log.append(term(1), 10, TWO);
    log.append(term(2), 10, null);
    log.append(term(2), 10, THREE);
    expect(log.configuration).to.equal(THREE);
    expect(log.configurationIndex).to.equal(4);
    log.truncate(logIndex(4));
    expect(log.configuration).to.equal(TWO);
    log.truncate(logIndex(2));
    expect(log.configuration).to.equal(ONE);
    expect(log.configurationIndex).to.equal(0);
  });

  it("cuts a message at its size, but lets one larger entry go alone", () => {
    const log = logOf([]);
    for (const bytes of [10, 10, 100, 10]) log.append(term(1), bytes, null);
    expect(log.endWithin(logIndex(1), 25)).to.equal(3);
    expect(log.endWithin(logIndex(3), 25)).to.equal(4);
    expect(log.endWithin(logIndex(4), 25)).to.equal(5);
    expect(log.endWithin(logIndex(5), 25)).to.equal(5);
  });

  it("passes its shape on, configurations and sizes included", () => {
    const log = logOf([1, 1]);
    log.append(term(2), 77, TWO);
    log.append(term(2), 10, null);
    const copy = logOf([1]);
    copy.appendShapes(log.shapes(logIndex(1), logIndex(5)), logIndex(2));
    expect(termsOf(copy)).to.deep.equal([1, 1, 2, 2]);
    expect(copy.sizeAt(logIndex(3))).to.equal(77);
    expect(copy.configuration).to.equal(TWO);
    expect(copy.configurationIndex).to.equal(3);
  });

  it("finds the last place at or below an index whose term is not later, a term at a time (R13)", () => {
    const log = logOf([1, 1, 4, 4, 4, 6]);
    const find = (index: number, maxTerm: number): number => log.lastAtOrBelow(logIndex(index), term(maxTerm));
    expect(find(6, 6)).to.equal(6);
    expect(find(6, 5)).to.equal(5);
    expect(find(6, 3)).to.equal(2);
    expect(find(99, 1)).to.equal(2);
    expect(find(6, 0)).to.equal(0);
  });
});
