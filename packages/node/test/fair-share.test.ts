import { encodeRequests, getRequest } from "@raftkv/protocol";
import type { WireRequest } from "@raftkv/protocol";
import { expect } from "chai";
import { FairShare } from "../dist/client/fair-share.js";
import { Inbox } from "../dist/client/inbox.js";
import { ReadTurns } from "../dist/client/read-turns.js";
import type { Reader } from "../dist/client/read-turns.js";
import { openFilesMax, withinFiles } from "../dist/file-limit.js";
import { RepeatedLines } from "../dist/repeated-lines.js";
import type { Logger } from "../dist/logger.js";

const LIMITS = {
  frameBytes: 4 * 1024 * 1024,
  frameRequests: 4_096,
  keyBytes: 64 * 1024,
  valueBytes: 1024 * 1024,
  operationsInTxn: 1_024,
  watchesPerConnection: 10,
  rangeEntries: 10,
};

function frame(requests: number, keyBytes = 1): Buffer {
  return encodeRequests(
    Array.from({ length: requests }, (_, i) => getRequest(i + 1, 0, Buffer.alloc(keyBytes), true)),
  );
}

class Client {
  readonly inbox: Inbox;
  begun = 0;
  isFull = false;

  constructor(share: FairShare) {
    this.inbox = new Inbox({
      limits: LIMITS,
      share,
      serve: () => (this.begun += 1),
      refuse: () => (this.begun += 1),
      onFull: (isFull) => (this.isFull = isFull),
      owner: { goOn: () => this.inbox.goOn() },
    });
  }
}

describe("the share of a busy client (C5, C7)", () => {
  it("is everything when nobody else is busy, and what is beyond it waits, in order", () => {
    const client = new Client(new FairShare({ requests: 1_000, bytes: 1e9 }));
    client.inbox.add(frame(600));
    expect(client.isFull).to.equal(false);
    client.inbox.add(frame(600));
    expect([client.begun, client.isFull]).to.deep.equal([1_000, true]);
    client.inbox.add(frame(600));
    client.inbox.sent(500);
    expect([client.begun, client.isFull]).to.deep.equal([1_500, true]);
    client.inbox.sent(1_000);
    expect([client.begun, client.isFull]).to.deep.equal([1_800, false]);
  });

  it("is the same for all who are busy, and 64 requests at least; who is not busy has room", () => {
    const share = new FairShare({ requests: 1_000, bytes: 1e9 });
    const busy = Array.from({ length: 4 }, () => new Client(share));
    for (const client of busy) client.inbox.add(frame(4_000));
    // The first ones began while there were fewer; once those are answered, each has a quarter.
    for (const client of busy) client.inbox.sent(client.begun);
    for (const client of busy) client.inbox.sent(Math.max(0, client.begun - 1_000));
    const little = new Client(share);
    little.inbox.add(frame(60));
    expect([little.begun, little.isFull]).to.deep.equal([60, false]);
    const many = Array.from({ length: 100 }, () => new Client(share));
    for (const client of many) client.inbox.add(frame(100));
    expect(Math.min(...many.map(({ begun }) => begun))).to.be.at.least(64);
  });

  it("goes by bytes as well, and the largest request is begun all the same", () => {
    const client = new Client(new FairShare({ requests: 1_000, bytes: 300 * 1024 }));
    client.inbox.add(frame(40, 60 * 1024));
    expect([client.begun, client.isFull]).to.deep.equal([1, true]);
    client.inbox.sent(1);
    expect(client.begun).to.be.within(2, 40);
    while (client.isFull) client.inbox.sent(1);
    expect(client.begun).to.equal(40);
  });

  it("is measured out to large frames from the first one on, while others are there", () => {
    const share = new FairShare({ requests: 1_000, bytes: 1e9 });
    const [modest, one, other] = [new Client(share), new Client(share), new Client(share)];
    modest.inbox.add(frame(1));
    one.inbox.add(frame(2, 64 * 1024));
    other.inbox.add(frame(2, 64 * 1024));
    expect([modest.begun, one.begun, other.begun]).to.deep.equal([1, 1, 0]);
    const alone = new Client(new FairShare({ requests: 1_000, bytes: 1e9 }));
    alone.inbox.add(frame(2, 64 * 1024));
    expect(alone.begun).to.equal(2);
  });

  it("is measured out to what is refused from the first one on, eight times as little", () => {
    const share = new FairShare({ requests: 1_000, bytes: 1e9 });
    const [modest, other] = [new Client(share), new Client(share)];
    modest.inbox.add(frame(1));
    const unknown = Array.from({ length: 40 }, (_, i) => [i + 1, 99, 0] as unknown as WireRequest);
    other.inbox.add(encodeRequests(unknown));
    expect([other.begun, other.isFull]).to.deep.equal([8, true]);
  });

  it("returns to the others when a client is gone", () => {
    const share = new FairShare({ requests: 1_000, bytes: 1e9 });
    const [one, other] = [new Client(share), new Client(share)];
    one.inbox.add(frame(4_000));
    other.inbox.add(frame(4_000));
    expect(other.begun).to.equal(500);
    one.inbox.close();
    other.inbox.sent(500);
    expect(other.begun).to.equal(1_500);
  });
});

describe("reading by turns (C5)", () => {
  it("holds those who send most until the next turns, never those who send little", async () => {
    const turns = new ReadTurns();
    const held = new Set<Reader>();
    const reader = (): Reader => {
      const one: Reader = {
        turn: 0,
        turnBytes: 0,
        hold: (isHeld) => void (isHeld ? held.add(one) : held.delete(one)),
      };
      return one;
    };
    const greedy = Array.from({ length: 100 }, reader);
    const modest = reader();
    for (const one of greedy) turns.came(one, 64 * 1024);
    turns.came(modest, 1_024);
    expect(held.size).to.equal(100 - 8);
    expect(held.has(modest)).to.equal(false);
    while (held.size === 100 - 8) await new Promise((resolve) => setImmediate(resolve));
    expect(held.size).to.equal(100 - 16);
    while (held.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("lines that strangers can cause (C7)", () => {
  it("are written ten times, then counted, and told once", () => {
    const written: string[] = [];
    const logger = { warn: (_facts: unknown, line: string) => written.push(line) } as unknown as Logger;
    const lines = new RepeatedLines(logger, 60_000);
    for (let i = 0; i < 25; i += 1) lines.warn("one kind", {}, `line ${i}`);
    lines.warn("another", {}, "another line");
    expect(written.length).to.equal(11);
    lines.close();
    expect(written.slice(11)).to.deep.equal(["15 more of these: one kind"]);
    lines.warn("one kind", {}, "again");
    expect(written.at(-1)).to.equal("again");
    lines.close();
  });
});

describe("open files (W1, C7)", () => {
  const limits = { connections: 4_096, waitingConnections: 1_024, httpRequests: 256, silenceMs: 7 };
  const proc = (soft: string): string =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files  ${soft}  20000  files\n`;

  it("are as many as the system says, where it does", () => {
    expect(openFilesMax(() => proc("1024"))).to.equal(1_024);
    expect(openFilesMax(() => proc("unlimited"))).to.equal(null);
    expect(
      openFilesMax(() => {
        throw new Error("ENOENT");
      }),
    ).to.equal(null);
  });

  it("are kept for the log and the store: strangers get what is left, in proportion", () => {
    expect(withinFiles(limits, null)).to.equal(limits);
    expect(withinFiles(limits, 7_000)).to.equal(limits);
    const few = withinFiles(limits, 1_024);
    expect(few.connections + few.waitingConnections + few.httpRequests).to.be.at.most(512);
    expect(few.connections).to.be.above(300);
    expect(few.silenceMs).to.equal(7);
    expect(withinFiles(limits, 64).httpRequests).to.equal(16);
  });
});
