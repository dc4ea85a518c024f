import { expect } from "chai";
import { CatchUp } from "../dist/group/catch-up.js";
import { createLogger } from "../dist/logger.js";
import { PolitePace } from "../dist/polite-pace.js";
import { until } from "./support/nodes.js";

type Append = Parameters<ConstructorParameters<typeof CatchUp>[1]>[0];

function append(prevLogIndex: number, commitIndex: number, fields: object = {}): Append {
  return {
    kind: "appendRequest",
    from: "n1",
    term: 1,
    prevLogIndex,
    commitIndex,
    entries: Buffer.alloc(100),
    ...fields,
  } as unknown as Append;
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

  it("C7: are held once, however often the leader sends them, and no more than a leader has on its way", async () => {
    const taken: number[] = [];
    const options = { politePace: new PolitePace(), logger, unapplied: () => 0 };
    const catchUp = new CatchUp(options, ({ prevLogIndex }) => taken.push(prevLogIndex));
    for (let i = 0; i < 3; i++) expect(catchUp.holds(append(7, 100_000))).to.equal(true);
    for (let i = 1; i <= 100; i++)
      catchUp.holds(append(i * 10, 100_000, { entries: Buffer.alloc(1024 * 1024) }));
    await until("what was held is taken", () => (taken.at(-1) === 150 ? true : null));
    expect(taken).to.deep.equal([7, ...Array.from({ length: 15 }, (_, i) => (i + 1) * 10)]);
    expect(catchUp.holds(append(99_999, 100_000))).to.equal(false);
  });

  it("are held however large one is, and behind one without entries in the same place", async () => {
    const taken: number[] = [];
    const options = { politePace: new PolitePace(), logger, unapplied: () => 0 };
    const catchUp = new CatchUp(options, ({ entries }) => taken.push(entries.length));
    const large = { entries: Buffer.alloc(17 * 1024 * 1024) };
    catchUp.holds(append(7, 100_000, large));
    await until("the large one is taken", () => (taken.length === 1 ? true : null));
    catchUp.holds(append(8, 100_000, { entries: Buffer.alloc(0) }));
    catchUp.holds(append(8, 100_000, { entries: Buffer.alloc(10) }));
    await until("both are taken", () => (taken.length === 3 ? true : null));
    expect(taken.slice(1)).to.deep.equal([0, 10]);
  });

  it("R4: are dropped when another leader sends, or the connection to this one is lost", async () => {
    const taken: string[] = [];
    let unapplied = 100_000;
    const options = { politePace: new PolitePace(), logger, unapplied: () => unapplied };
    const catchUp = new CatchUp(options, ({ prevLogIndex, term }) => taken.push(`${term}/${prevLogIndex}`));
    catchUp.holds(append(1, 100_000));
    catchUp.connectionLost("n2" as never);
    expect(catchUp.holds(append(99_000, 100_000)), "behind what is held").to.equal(true);
    catchUp.connectionLost("n1" as never);
    expect(catchUp.holds(append(99_000, 100_000)), "nothing is held").to.equal(false);
    catchUp.holds(append(1, 100_000));
    catchUp.holds(append(2, 100_000, { term: 2, from: "n3" }));
    unapplied = 0;
    await until("it is taken", () => (taken.length > 0 ? true : null));
    expect(taken).to.deep.equal(["2/2"]);
  });

  it("come to an end under load: small ones near the end of the log are taken together", async () => {
    let last = 30_000;
    let taken = 0;
    const options = { politePace: new PolitePace(), logger, unapplied: () => 0 };
    const catchUp = new CatchUp(options, () => (taken += 1));
    catchUp.holds(append(0, last));
    // As many are on their way as a leader may have, and each turn brings more.
    const sends = (): boolean => catchUp.holds(append(last, (last += 1)));
    for (let i = 0; i < 256; i++) sends();
    await until("one passes by", () => (Array.from({ length: 20 }, sends).includes(false) ? true : null));
    expect(taken).to.be.above(256);
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
    catchUp.drop();
  });
});
