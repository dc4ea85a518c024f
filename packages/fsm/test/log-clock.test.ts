import { expect } from "chai";
import { LogClock } from "@raftkv/fsm";

describe("The leader's log time (F5)", () => {
  it("stands still until the first entry of its leadership is applied", () => {
    const clock = new LogClock();
    expect([clock.stampMs(5), clock.stampMs(5_000), clock.untilMs(1, 5_000)]).to.deep.equal([0, 0, null]);
  });

  it("F5: is the last stamp in the log plus the monotonic time since, in whole milliseconds", () => {
    const clock = new LogClock();
    clock.elected(1_000.5, 70_000);
    expect(clock.stampMs(1_000.5)).to.equal(70_000);
    expect(clock.stampMs(1_001.4)).to.equal(70_000);
    expect(clock.stampMs(1_003.6)).to.equal(70_003);
    expect(clock.untilMs(70_010, 1_003.6)).to.equal(7);
    expect(clock.untilMs(70_010, 9_999)).to.equal(0);
  });

  it("F5: never goes back in a leadership, not by a clock that does", () => {
    const clock = new LogClock();
    clock.elected(100, 1_000);
    expect(clock.stampMs(400)).to.equal(1_300);
    expect(clock.stampMs(200)).to.equal(1_300);
  });

  it("F5: what it told before and is not in the log counts for nothing: that would eat up the renewal", () => {
    const clock = new LogClock();
    clock.elected(100, 1_000);
    // Ten minutes in which nothing was written, then another leads for a moment, and grants a lease at 1,100.
    expect(clock.stampMs(600_100)).to.equal(601_000);
    clock.deposed();
    // Entries behind the no-op that renewed the leases, encoded before it is applied, must not carry it either.
    expect([clock.stampMs(601_000), clock.untilMs(1_301, 601_000)]).to.deep.equal([0, null]);
    clock.elected(601_100, 1_100);
    expect(clock.stampMs(601_105)).to.equal(1_105);
  });

  it("F5: does not count the time in which somebody else led, or nobody", () => {
    const clock = new LogClock();
    clock.elected(0, 0);
    clock.stampMs(500);
    clock.deposed();
    clock.elected(60_000, 800);
    expect(clock.stampMs(60_001)).to.equal(801);
  });
});
