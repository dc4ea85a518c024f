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
    for (let count = 0; count < 10_000; count += 1) log.append(term(1), count + 1, null);
    log.truncate(logIndex(4096));
    expect(log.lastIndex).to.equal(4095);
    expect(log.sizeAt(logIndex(4095))).to.equal(4095);
    log.append(term(2), 7, null);
    expect(log.sizeAt(logIndex(4096))).to.equal(7);
    expect(log.bytesIn(logIndex(4094), logIndex(4097))).to.equal(4094 + 4095 + 7);
    expect(log.runsIn(logIndex(4095), logIndex(4097))).to.deep.equal([
      { term: 1, from: 4095, to: 4096 },
      { term: 2, from: 4096, to: 4097 },
    ]);
  });

  it("compacts to a base anywhere, and goes on as if nothing had been there", () => {
    for (const at of [1, 4094, 4095, 4096, 4097, 8191, 8192, 9999, 10_000]) {
      const log = logOf([]);
      for (let index = 1; index <= 10_000; index += 1) {
        log.append(term(index < 5000 ? 1 : 2), index, index === 100 ? TWO : null);
      }
      log.compact(logIndex(at));
      expect(log.base).to.deep.equal({
        index: at,
        term: at < 5000 ? 1 : 2,
        configuration: at < 100 ? ONE : TWO,
      });
      expect(log.configuration).to.equal(TWO);
      expect(log.termAt(logIndex(at - 1))).to.equal(null);
      log.append(term(3), 77, null);
      expect(log.sizeAt(logIndex(10_001))).to.equal(77);
      if (at < 10_000) expect(log.sizeAt(logIndex(at + 1))).to.equal(at + 1);
      expect(log.bytesIn(logIndex(at + 1), logIndex(10_002))).to.equal(
        77 + (10_000 * 10_001) / 2 - (at * (at + 1)) / 2,
      );
      expect(log.lastAtOrBelow(logIndex(10_001), term(0)), "below the base: it is not in the log").to.equal(
        at - 1,
      );
      log.truncate(logIndex(at + 1));
      expect(log.lastIndex).to.equal(at);
      expect(log.lastTerm).to.equal(at < 5000 ? 1 : 2);
    }
  });

  it("is replaced by a base (R23)", () => {
    const log = logOf([1, 1, 2]);
    log.reset({ index: logIndex(4095), term: term(5), configuration: TWO });
    expect([log.base.index, log.lastIndex, log.lastTerm, log.configurationIndex]).to.deep.equal([
      4095, 4095, 5, 4095,
    ]);
    log.append(term(6), 10, null);
    expect(log.sizeAt(logIndex(4096))).to.equal(10);
    expect(log.termAt(logIndex(4096))).to.equal(6);
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
    const find = (index: number, maxTerm: number): number =>
      log.lastAtOrBelow(logIndex(index), term(maxTerm));
    expect(find(6, 6)).to.equal(6);
    expect(find(6, 5)).to.equal(5);
    expect(find(6, 3)).to.equal(2);
    expect(find(99, 1)).to.equal(2);
    expect(find(6, 0)).to.equal(0);
  });
});
