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

  answered(writes = this.unanswered, tookMs = TOOK_MS): void {
    this.nowMs += tookMs;
    this.unanswered -= writes;
    this.waitMs();
  }

  /** So many were just answered together. */
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
    clients.leave();
    // Of those who come late as many are expected as are missing.
    expect(clients.arrive(5)).to.be.above(0);
    expect(clients.arrive(1)).to.equal(0);
  });

  it("does not for those that are still under way: two clients that never come together go as they come", () => {
    const clients = Clients.who(2);
    clients.arrive(1);
    clients.nowMs += TOOK_MS;
    clients.leave();
    for (let i = 0; i < 100; i++) {
      clients.nowMs += 2;
      expect(clients.arrive(1)).to.equal(0);
      clients.leave();
      clients.answered(1, 2);
    }
  });

  it("adds up those who are answered one shortly after the other", () => {
    const clients = new Clients();
    clients.arrive(10);
    clients.leave();
    clients.arrive(10);
    clients.leave();
    clients.answered(10);
    clients.answered(10, 1);
    expect(clients.arrive(17)).to.equal(TOOK_MS - 1);
    expect(clients.arrive(1)).to.equal(0);
  });

  it("does as long behind the answers as a batch takes to be answered, and no longer than it may", () => {
    const clients = Clients.who(64);
    clients.nowMs += 1;
    expect(clients.batch(40)).to.deep.equal({ writes: 40, waitedMs: TOOK_MS - 1 });
    clients.arrive(64);
    clients.leave();
    clients.answered(64, 30);
    expect(clients.batch(40)).to.deep.equal({ writes: 40, waitedMs: MAX_MS });
    clients.nowMs += MAX_MS;
    expect(clients.batch(1)).to.deep.equal({ writes: 1, waitedMs: 0 });
  });

  it("does no longer when others are answered in the moment in which it is over", () => {
    const clients = new Clients();
    clients.arrive(10);
    clients.leave();
    clients.arrive(10);
    clients.leave();
    clients.answered(10);
    expect(clients.arrive(1)).to.equal(TOOK_MS);
    clients.answered(10, TOOK_MS);
    expect(clients.waitMs()).to.equal(0);
  });

  it("does not where a batch is answered sooner than a timer would end", () => {
    const clients = new Clients();
    clients.arrive(64);
    clients.leave();
    clients.answered(64, 0.9);
    expect(clients.arrive(1)).to.equal(0);
  });

  it("gives it up for 64 batches where those that are expected do not come, then for twice as many", () => {
    const clients = new Clients();
    const waits: number[] = [];
    for (let batches = 0; batches < 600; batches += 2) {
      // Twenty are answered together, and two come back.
      clients.arrive(20);
      clients.leave();
      clients.answered();
      if (clients.batch(2).waitedMs > 0) waits.push(batches);
      clients.nowMs += MAX_MS;
    }
    expect(waits.map((at, index) => at - (waits[index - 1] ?? at))).to.deep.equal([0, 2, 66, 130, 258]);
  });

  it("does not at all when it may not", () => {
    const wait = new BatchWait(0);
    wait.waitMs(64, 0, 0);
    wait.leave(64, 0);
    wait.waitMs(0, 64, 0);
    wait.waitMs(0, 0, 4);
    expect(wait.waitMs(1, 0, 4)).to.equal(0);
  });
});
