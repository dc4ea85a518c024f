import { expect } from "chai";
import type { ServerResponse } from "node:http";
import { FairShare } from "../dist/client/fair-share.js";
import { PressGate } from "../dist/client/press-gate.js";
import { HttpTurns } from "../dist/http-turns.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`not within 10 s: ${what}`);
    await turn();
  }
}

/** A connection that has more to send than it may. */
class Presser {
  begun = 0;
  readonly #gate: PressGate;

  readonly #max: number;

  constructor(gate: PressGate, max = 1_000) {
    this.#gate = gate;
    this.#max = max;
  }

  goOn(): void {
    while (this.#gate.isOpen && this.begun < this.#max) {
      this.begun += 1;
      this.#gate.began(100, 1);
    }
    this.#gate.wait(this);
  }
}

describe("those who send more than their share (C5, C7)", () => {
  const other = {};

  it("are not held up when nobody else is there", () => {
    const presser = new Presser(new PressGate());
    presser.goOn();
    expect(presser.begun).to.equal(1_000);
  });

  it("do not wait for what a slice before has left unanswered", async () => {
    const gate = new PressGate();
    const slow = new Presser(gate);
    const quick = new Presser(gate, 10_000);
    const there = setInterval(() => gate.otherBegan(other, performance.now()), 10);
    try {
      gate.otherBegan(other, performance.now());
      slow.goOn();
      gate.leave(slow);
      gate.wait(quick);
      await until("the slice is over without an answer", () => quick.begun > 0);
      // By the timer, half a second each, they would take longer than this waits.
      let answered = 0;
      await until("sixty more slices", () => {
        if (quick.begun >= answered + 64) {
          answered += 64;
          gate.ended(64);
        }
        return answered === 60 * 64;
      });
    } finally {
      clearInterval(there);
    }
  });

  it("come in slices beside others, all together, and each slice waits for the one before to be answered", async () => {
    const gate = new PressGate();
    const [one, two] = [new Presser(gate), new Presser(gate)];
    gate.otherBegan(other, performance.now());
    one.goOn();
    two.goOn();
    expect([one.begun, two.begun]).to.deep.equal([64, 0]);
    gate.otherBegan(other, performance.now());
    gate.ended(64);
    expect(two.begun, "it rests first").to.equal(0);
    await until("the next slice", () => {
      gate.otherBegan(other, performance.now());
      return one.begun + two.begun > 64;
    });
    expect(one.begun + two.begun).to.equal(128);
  });

  it("go on after a while also when their slice is never answered, and at once when the others are gone", async () => {
    const gate = new PressGate();
    const presser = new Presser(gate);
    gate.otherBegan(other, performance.now());
    presser.goOn();
    await until("a slice beyond the first", () => {
      gate.otherBegan(other, performance.now());
      return presser.begun > 64;
    });
    await until("all of it", () => presser.begun === 1_000);
  });

  it("are told by bytes as well: one large request is a slice", () => {
    const gate = new PressGate();
    gate.otherBegan(other, performance.now());
    gate.began(1024 * 1024, 1);
    expect(gate.isOpen).to.equal(false);
  });

  it("are those who are busy and have sent on: their own first requests are no sign of others", () => {
    const share = new FairShare({ requests: 100, bytes: 1e9 });
    const window = share.window();
    const owner = { goOn: () => undefined };
    for (let i = 0; i < 100; i += 1) window.began(100, performance.now(), 1);
    expect(window.hasRoom).to.equal(false);
    window.more(owner);
    expect(share.gate.othersAreThere).to.equal(false);
    const modest = share.window();
    modest.began(100, performance.now(), 1);
    expect(share.gate.othersAreThere).to.equal(true);
    window.ended(100);
    for (let i = 0; i < 64 && window.hasRoom; i += 1) window.began(100, performance.now(), 1);
    expect(window.hasRoom, "its slice is used up").to.equal(false);
    window.close(owner);
    const calm = share.window();
    expect(calm.hasRoom).to.equal(true);
  });

  it("does not press any more once all that it sent is answered", () => {
    const share = new FairShare({ requests: 1_000, bytes: 1e9 });
    const window = share.window();
    for (let i = 0; i < 1_000; i += 1) window.began(100, performance.now(), 1);
    window.more({ goOn: () => undefined });
    window.ended(1_000);
    window.noMore();
    share.window().began(100, performance.now(), 1);
    for (let i = 0; i < 65; i += 1) {
      expect(window.hasRoom).to.equal(true);
      window.began(100, performance.now(), 1);
    }
  });
});

describe("HTTP requests (C5, C7)", () => {
  it("are answered one by one, with a rest between; whoever is gone by then is passed over", async () => {
    const turns = new HttpTurns();
    const answered: number[] = [];
    const response = (destroyed: boolean): ServerResponse => ({ destroyed }) as ServerResponse;
    for (let i = 0; i < 4; i += 1) turns.add(response(i === 2), () => answered.push(i));
    expect(answered).to.deep.equal([0]);
    await until("the others", () => answered.length === 3);
    expect(answered).to.deep.equal([0, 1, 3]);
    turns.add(response(false), () => answered.push(4));
    await until("one that comes later", () => answered.includes(4));
  });
});
