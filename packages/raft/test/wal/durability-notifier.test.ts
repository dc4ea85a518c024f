import { expect } from "chai";
import { DurabilityNotifier } from "raft-ts";
import { settle } from "./support.js";

describe("DurabilityNotifier (C8)", () => {
  it("releases by position, and those of one position in the order of coming", () => {
    const notifier = new DurabilityNotifier(0);
    const called: string[] = [];
    for (const [seq, name] of [
      [3, "3a"],
      [1, "1a"],
      [2, "2a"],
      [3, "3b"],
      [1, "1b"],
      [5, "5a"],
    ] as const) {
      notifier.wait(seq, () => called.push(name));
    }
    notifier.advance(3);
    expect(called).to.deep.equal(["1a", "1b", "2a", "3a", "3b"]);
    expect(notifier.durableSeq).to.equal(3);
    expect(notifier.waiting).to.equal(1);
    notifier.advance(5);
    expect(called.at(-1)).to.equal("5a");
  });

  it("releases none early, and never goes back", () => {
    const notifier = new DurabilityNotifier(4);
    let released = 0;
    notifier.wait(7, () => (released += 1));
    notifier.advance(6);
    notifier.advance(2);
    expect(notifier.durableSeq).to.equal(6);
    expect(released).to.equal(0);
  });

  it("calls a waiter that is covered already, but not from inside wait()", async () => {
    const notifier = new DurabilityNotifier(9);
    const called: (Error | null)[] = [];
    notifier.wait(9, (error) => called.push(error));
    expect(called).to.deep.equal([]);
    await settle();
    expect(called).to.deep.equal([null]);
  });

  it("fails every waiter once it has ended, present and future, with the first reason", async () => {
    const notifier = new DurabilityNotifier(1);
    const called: (Error | null)[] = [];
    const reason = new Error("the disk is gone");
    notifier.wait(5, (error) => called.push(error));
    notifier.end(reason);
    notifier.end(new Error("closed"));
    notifier.advance(9);
    notifier.wait(1, (error) => called.push(error));
    notifier.wait(6, (error) => called.push(error));
    await settle();
    expect(called).to.deep.equal([reason, reason, reason]);
    expect(notifier.durableSeq).to.equal(1);
  });

  it("runs callbacks when its state is settled: they may wait and advance in turn", async () => {
    const notifier = new DurabilityNotifier(0);
    const called: string[] = [];
    notifier.wait(1, () => {
      expect(notifier.durableSeq).to.equal(2);
      notifier.wait(2, () => called.push("2, from inside"));
      notifier.wait(4, () => called.push("4, from inside"));
      notifier.advance(4);
      called.push("1");
    });
    notifier.wait(2, () => called.push("2"));
    notifier.advance(2);
    await settle();
    expect(called).to.deep.equal(["4, from inside", "1", "2", "2, from inside"]);
  });

  it("goes on when a callback throws, and does not lose the error", () => {
    const errors: unknown[] = [];
    const notifier = new DurabilityNotifier(0, (error) => errors.push(error));
    const called: number[] = [];
    const thrown = new Error("from a callback");
    notifier.wait(1, () => {
      throw thrown;
    });
    notifier.wait(1, () => called.push(1));
    notifier.wait(2, () => called.push(2));
    notifier.advance(2);
    expect(called).to.deep.equal([1, 2]);
    expect(errors).to.deep.equal([thrown]);
  });
});
