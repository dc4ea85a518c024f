import { expect } from "chai";
import { BatchWait } from "../dist/group/batch-wait.js";

const MAX_MS = 5;
const TOOK_MS = 4;

/** Clients that wait for their answers, as the leader sees them: which have arrived, and which have left and wait. */
class Clients {
  readonly wait = new BatchWait(MAX_MS);
  nowMs = 1_000;
  arrived = 0;
  unanswered = 0;

  /** For how long those that arrived had better wait now. */
  waitMs(): number {
    return this.wait.waitMs(this.arrived, this.unanswered, this.nowMs);
  }

  /** `writes` more arrive; the wait. */
  arrive(writes: number): number {
    this.arrived += writes;
    return this.waitMs();
  }

  leave(): number {
    const left = this.arrived;
    this.wait.leave(left, this.nowMs);
    this.unanswered += left;
    this.arrived = 0;
    return left;
  }

  answered(): void {
    this.nowMs += TOOK_MS;
    this.unanswered = 0;
    this.waitMs();
  }

  /** All of them once together, so that as many are known and how long they take. */
  static who(count: number): Clients {
    const clients = new Clients();
    clients.arrive(count);
    clients.leave();
    clients.answered();
    return clients;
  }

  /** One batch that waits as long as it should, while `coming` writes come at once and none later; how many left. */
  batch(coming: number): { readonly writes: number; readonly waitedMs: number } {
    const beganMs = this.nowMs;
    const waitMs = this.arrive(coming);
    this.nowMs += waitMs;
    expect(this.waitMs(), "the wait is over").to.equal(0);
    const waitedMs = this.nowMs - beganMs;
    const writes = this.leave();
    this.answered();
    return { writes, waitedMs };
  }
}

describe("a batch that waits for others", () => {
  it("does not while nobody else was there lately: a lone client never waits", () => {
    const clients = new Clients();
    for (let i = 0; i < 200; i++) expect(clients.batch(1)).to.deep.equal({ writes: 1, waitedMs: 0 });
  });

  it("does until nearly all who were answered together are back", () => {
    const clients = Clients.who(64);
    expect(clients.arrive(1)).to.equal(TOOK_MS);
    clients.nowMs += 1;
    expect(clients.arrive(56)).to.equal(TOOK_MS - 1);
    expect(clients.arrive(1)).to.equal(0);
  });

  it("counts those that are under way among who was there, and does not wait for more than 128", () => {
    const clients = Clients.who(1_000);
    expect(clients.arrive(115)).to.equal(TOOK_MS);
    expect(clients.arrive(1)).to.equal(0);
    const halves = new Clients();
    halves.arrive(10);
    halves.leave();
    halves.arrive(10);
    halves.leave();
    halves.answered();
    expect(halves.arrive(17)).to.be.above(0);
    expect(halves.arrive(1)).to.equal(0);
  });

  it("does as long as a batch takes to be answered, and no longer than it may", () => {
    const clients = Clients.who(64);
    expect(clients.batch(40)).to.deep.equal({ writes: 40, waitedMs: TOOK_MS });
    clients.arrive(64);
    clients.leave();
    clients.nowMs += 30;
    clients.answered();
    expect(clients.batch(40)).to.deep.equal({ writes: 40, waitedMs: MAX_MS });
  });

  it("does not where a batch is answered sooner than a timer would end", () => {
    const clients = new Clients();
    clients.arrive(64);
    clients.leave();
    clients.nowMs += 0.9;
    clients.unanswered = 0;
    clients.waitMs();
    expect(clients.arrive(1)).to.equal(0);
  });

  it("gives it up for 64 batches when those that are expected do not come, and then tries again", () => {
    const clients = Clients.who(20);
    const waits = (): number[] =>
      Array.from({ length: 400 }, () => {
        // The others are seen now and then, and never soon after an answer.
        const { waitedMs } = clients.batch(2);
        clients.arrive(20);
        clients.leave();
        clients.answered();
        return waitedMs;
      });
    const seen = waits();
    const without = seen.filter((ms) => ms === 0).length;
    expect(seen.some((ms) => ms > 0)).to.equal(true);
    expect(without / seen.length).to.be.above(0.5);
    expect(seen.slice(-100).some((ms) => ms > 0)).to.equal(true);
  });

  it("forgets within a tenth of a second how many there were", () => {
    const clients = Clients.who(64);
    expect(clients.arrive(1)).to.be.above(0);
    clients.nowMs += 50;
    clients.waitMs();
    clients.nowMs += 50;
    expect(clients.waitMs()).to.equal(0);
    clients.leave();
    clients.answered();
    expect(clients.batch(1)).to.deep.equal({ writes: 1, waitedMs: 0 });
  });

  it("does not at all when it may not", () => {
    const wait = new BatchWait(0);
    wait.waitMs(64, 0, 0);
    wait.leave(64, 0);
    wait.waitMs(0, 0, 4);
    expect(wait.waitMs(1, 0, 4)).to.equal(0);
  });
});
