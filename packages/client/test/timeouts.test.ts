import { expect } from "chai";
import { Timed, Timeouts } from "../dist/timeouts.js";
import { until } from "./support/help.js";

class Item extends Timed {
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
}

function recorder(): { readonly timeouts: Timeouts<Item>; readonly due: string[] } {
  const due: string[] = [];
  return { due, timeouts: new Timeouts<Item>((item) => due.push(item.name)) };
}

describe("timeouts over one timer", () => {
  it("come due in the order of their times, and never early", async () => {
    const late: number[] = [];
    const due: string[] = [];
    const timeouts = new Timeouts<Item>((item) => {
      late.push(performance.now() - item.dueAt);
      due.push(item.name);
    });
    const items = [50, 10, 30, 10, 20].map((ms, at) => ({ ms, item: new Item(`${at}`) }));
    for (const { ms, item } of items) timeouts.add(item, ms);
    // The process may have been held up between two of them, so the order is that of the times that they were given.
    const expected = items.map(({ item }) => item).sort((left, right) => left.dueAt - right.dueAt);
    const names = expected.map((item) => item.name);
    await until("all are due", () => due.length === 5);
    expect(due).to.deep.equal(names);
    expect(Math.min(...late)).to.be.at.least(0);
  });

  it("what was removed does not come due; removing twice does no harm", async () => {
    const { timeouts, due } = recorder();
    const items = ["a", "b", "c"].map((name) => new Item(name));
    for (const item of items) timeouts.add(item, 10);
    timeouts.remove(items[1]!);
    timeouts.remove(items[1]!);
    await until("two are due", () => due.length === 2);
    timeouts.remove(items[0]!);
    expect(due).to.deep.equal(["a", "c"]);
  });

  it("the removal of the earliest does not hold up the next", async () => {
    const { timeouts, due } = recorder();
    const first = new Item("first");
    timeouts.add(first, 5);
    timeouts.add(new Item("second"), 15);
    timeouts.remove(first);
    await until("the second is due", () => due.length === 1);
    expect(due).to.deep.equal(["second"]);
  });

  it("an item may be added again, also by what is called when it is due", async () => {
    const due: string[] = [];
    const timeouts: Timeouts<Item> = new Timeouts((item) => {
      due.push(item.name);
      if (due.length < 3) timeouts.add(item, 5);
    });
    timeouts.add(new Item("again"), 5);
    await until("it came thrice", () => due.length === 3);
  });

  it("drain gives what is left, and nothing comes due afterwards", async () => {
    const { timeouts, due } = recorder();
    for (const ms of [5, 6, 5]) timeouts.add(new Item(`${ms}`), ms);
    expect(timeouts.drain().map((item) => item.name)).to.have.members(["5", "5", "6"]);
    expect(timeouts.drain()).to.deep.equal([]);
    const other = recorder();
    other.timeouts.add(new Item("later"), 20);
    await until("time went by", () => other.due.length === 1);
    expect(due).to.deep.equal([]);
  });
});
