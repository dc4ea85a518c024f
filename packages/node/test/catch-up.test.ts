import { expect } from "chai";
import { CatchUp } from "../dist/group/catch-up.js";
import { createLogger } from "../dist/logger.js";
import { PolitePace } from "../dist/polite-pace.js";
import { until } from "./support/nodes.js";

type Append = Parameters<ConstructorParameters<typeof CatchUp>[1]>[0];

function append(prevLogIndex: number, commitIndex: number): Append {
  return { kind: "appendRequest", prevLogIndex, commitIndex, entries: [] } as unknown as Append;
}

describe("Entries for a member that was away", () => {
  const logger = createLogger("silent", "n2", () => ({ group: 1, term: 1 }));

  it("are taken one message after the other, in their order, and so is what comes behind them", async () => {
    const taken: number[] = [];
    const catchUp = new CatchUp(
      { politePace: new PolitePace(), unapplied: () => 0, logger },
      ({ prevLogIndex }) => taken.push(prevLogIndex),
    );
    expect(catchUp.holds(append(1, 20_001))).to.equal(false);
    for (const index of [0, 100, 90_000, 100_000])
      expect(catchUp.holds(append(index, 100_000))).to.equal(true);
    expect(catchUp.holds({ kind: "heartbeatRequest" } as never)).to.equal(false);
    expect(taken).to.deep.equal([]);
    await until("all are taken", () => (taken.length === 4 ? true : null));
    expect(taken).to.deep.equal([0, 100, 90_000, 100_000]);
    expect(catchUp.holds(append(100_000, 100_001))).to.equal(false);
  });

  it("wait while what came before them is not applied", async () => {
    const taken: number[] = [];
    let unapplied = 100_000;
    let asked = 0;
    const options = { politePace: new PolitePace(), logger, unapplied: () => ((asked += 1), unapplied) };
    const catchUp = new CatchUp(options, ({ prevLogIndex }) => taken.push(prevLogIndex));
    for (const index of [0, 100]) catchUp.holds(append(index, 100_000));
    await until("it asked several times", () => (asked > 3 ? true : null));
    expect(taken).to.deep.equal([]);
    unapplied = 100;
    await until("all are taken", () => (taken.length === 2 ? true : null));
  });

  it("C6: that are not what they claim to be are dropped, with all behind them", async () => {
    let tries = 0;
    const catchUp = new CatchUp({ politePace: new PolitePace(), unapplied: () => 0, logger }, () => {
      tries += 1;
      throw new Error("not a frame");
    });
    for (const index of [0, 100, 200]) catchUp.holds(append(index, 100_000));
    await until("the first is tried", () => (tries === 1 ? true : null));
    expect(catchUp.holds(append(99_999, 100_000))).to.equal(false);
    catchUp.holds(append(0, 100_000));
    await until("what is sent again is tried", () => (tries === 2 ? true : null));
    catchUp.stop();
  });
});
