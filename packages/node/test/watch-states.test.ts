import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "chai";
import { Op, prefixRange, singleKey } from "@raftkv/protocol";
import type { KeyRange, WatchRequest } from "@raftkv/protocol";
import type { Change } from "@raftkv/store";
import { Watches } from "../dist/watch/watches.js";
import { seededRandom } from "./support/random.js";
import { ScriptedOutlet, ScriptedStore, nameOf } from "./support/watched-store.js";
import type { Write } from "./support/watched-store.js";

const UNSENT_MAX = 300_000;
const PROGRESS_MS = 1_000;
const small = Buffer.from("v");
const large = Buffer.alloc(100_000, "L");

function request(watchId: number, range: KeyRange, more: Partial<WatchRequest> = {}): WatchRequest {
  return {
    op: Op.watch,
    requestId: watchId,
    deadlineMs: 0,
    watchId,
    range,
    fromRevision: 0,
    wantPrevious: false,
    noPut: false,
    noDelete: false,
    progress: false,
    ...more,
  };
}
const key = (name: string): KeyRange => singleKey(Buffer.from(name));
const prefix = (name: string): KeyRange => prefixRange(Buffer.from(name));

describe("a watch between catching up and live (F6)", () => {
  let store: ScriptedStore;
  let serving: boolean;
  let watches: Watches;
  let outlet: ScriptedOutlet;
  let failures: unknown[];

  beforeEach(() => {
    store = new ScriptedStore();
    serving = true;
    failures = [];
    outlet = new ScriptedOutlet();
    watches = new Watches({
      limits: { frameBytes: 4 * 1024 * 1024, unsentBytes: UNSENT_MAX },
      watchesPerConnection: 100,
      progressMs: PROGRESS_MS,
      store: () => (serving ? store : null),
      whyNot: () => null,
      onFailed: (error) => failures.push(error),
    });
    watches.applied();
  });
  afterEach(() => expect(failures).to.deep.equal([]));

  function write(...transactions: readonly Write[][]): void {
    store.apply(transactions);
    store.tell();
    watches.applied();
  }
  async function settled(): Promise<void> {
    for (let turn = 0; watches.behind > 0; turn += 1) {
      expect(turn, "turns until all are live").to.be.below(5_000);
      watches.tick(0);
      await nextTurn();
    }
  }
  const seen = (watchId: number): string[] =>
    outlet.events(watchId).map((event) => `${event.modRevision} ${event.kind} ${nameOf(event)}`);

  it("is told what comes after the revision in the reply, at once, and nothing that is not its own", () => {
    write([["a", small]]);
    watches.serve(request(1, key("a")), outlet);
    expect(outlet.replies).to.deep.equal([[1, Op.watch, 1]]);
    write([["b", small]], [["a", small]], [["a", null]]);
    expect(seen(1)).to.deep.equal(["3 put a", "4 delete a"]);
    expect(store.reads).to.equal(0);
  });

  it("is told large transactions of one batch in one piece each", () => {
    watches.serve(request(1, prefix("k")), outlet);
    const writes = Array.from({ length: 200 }, (_, i): Write => [`k${i}`, small]);
    write(writes, writes, writes);
    expect(outlet.events(1)).to.have.length(600);
    checkPieces(1, store.all);
  });

  it("from the past reads the store, and goes on live without a gap or a repeat", async () => {
    write([["a", small]], [["a", small]]);
    watches.serve(request(1, prefix("a"), { fromRevision: 2, progress: true }), outlet);
    expect(watches.behind).to.equal(1);
    write([["a1", small]]);
    await settled();
    write([["a2", small]]);
    expect(seen(1)).to.deep.equal(["2 put a", "3 put a1", "4 put a2"]);
  });

  it("that asked for marks is given one as soon as it has caught up, and when it heard nothing for an interval", async () => {
    write([["a", small]], [["b", small]]);
    watches.serve(request(1, key("a"), { fromRevision: 1, progress: true }), outlet);
    watches.serve(request(2, key("b"), { progress: true }), outlet);
    watches.serve(request(3, key("c")), outlet);
    await settled();
    const marks = (id: number): number[] =>
      outlet
        .of(id)
        .flatMap((frame) => (frame.kind === "events" && frame.events.length === 0 ? [frame.revision] : []));
    expect(marks(1)).to.deep.equal([2]);
    write([["b", small]]);
    const later = performance.now() + PROGRESS_MS;
    watches.tick(later);
    expect([marks(1), marks(2)], "both heard something").to.deep.equal([[2], []]);
    write([["x", small]]);
    watches.tick(later + PROGRESS_MS);
    watches.tick(later + 2 * PROGRESS_MS);
    expect([marks(1), marks(2), marks(3)]).to.deep.equal([[2, 4], [4], []]);
  });

  it("is told nothing before the results of it may be, though the store shows it (C8)", async () => {
    write([["a", small]]);
    watches.serve(request(1, key("a"), { fromRevision: 1 }), outlet);
    store.apply([[["a", small]]]);
    await settled();
    expect(seen(1)).to.deep.equal(["1 put a"]);
    watches.serve(request(2, key("a"), { fromRevision: 2 }), outlet);
    await settled();
    expect(seen(2)).to.deep.equal([]);
    store.tell();
    expect([seen(1), seen(2)]).to.deep.equal([["1 put a", "2 put a"], ["2 put a"]]);
  });

  it("that came while a batch was under way, of which nothing was noted, misses nothing of it", async () => {
    write([["a", small]]);
    store.apply([[["a", small]]]);
    watches.serve(request(1, key("a")), outlet);
    store.apply([[["a", null]]]);
    store.tell();
    watches.applied();
    await settled();
    expect(seen(1)).to.deep.equal(["2 put a", "3 delete a"]);
  });

  it("at a revision that this replica has not reached sees nothing before that", async () => {
    watches.serve(request(1, key("a"), { fromRevision: 3 }), outlet);
    write([["a", small]], [["a", small]], [["a", small]]);
    expect(seen(1)).to.deep.equal(["3 put a"]);
  });

  it("goes on through the store that a snapshot brought, and ends when that does not reach back", async () => {
    write([["a", small]]);
    watches.serve(request(1, key("a")), outlet);
    watches.serve(request(2, key("a"), { fromRevision: 1 }), outlet);
    store.closed = true;
    serving = false;
    const before = store;
    await nextTurn();
    store = new ScriptedStore();
    for (const change of before.all) store.apply([[[nameOf(change), small]]]);
    store.apply([[["a", null]], [["b", small]]]);
    store.tell();
    store.floor = 1;
    serving = true;
    watches.applied();
    await settled();
    expect(seen(1)).to.deep.equal(["2 delete a"]);
    expect(outlet.of(2).at(-1)).to.deep.include({ kind: "watchEnd", watchId: 2 });
    expect(outlet.of(2).at(-1)).to.have.nested.include({ "refusal.code": "COMPACTED", "refusal.floor": 1 });
    expect(watches.size).to.equal(1);
    write([["a", small]]);
    expect(seen(1)).to.deep.equal(["2 delete a", "4 put a"]);
  });

  it("whose client does not read costs bounded memory, and goes on in the middle of a transaction when it reads again", async () => {
    outlet.reads = false;
    watches.serve(request(1, prefix(""), { wantPrevious: true }), outlet);
    const writes: Write[] = Array.from({ length: 30 }, (_, i) => [`k${i}`, large]);
    write(writes, [["z", small]]);
    for (let i = 0; i < 20; i += 1) write(writes);
    expect(watches.behind).to.equal(1);
    expect(outlet.unsentBytesMost).to.be.below(UNSENT_MAX + 300_000);
    const first = outlet.of(1).at(-1);
    expect(first).to.deep.include({ kind: "events", revision: 1, moreOfRevision: true });
    while (watches.behind > 0) {
      outlet.readAll();
      watches.tick(0);
      await nextTurn();
    }
    expect(outlet.unsentBytesMost).to.be.below(UNSENT_MAX + 300_000);
    expect(seen(1)).to.deep.equal(store.all.map((change) => `${change.revision} put ${nameOf(change)}`));
    checkPieces(1, store.all);
  });

  it("shows what stood before, in its filter, and ends when it is cancelled or its connection is gone", () => {
    watches.serve(request(1, key("a"), { wantPrevious: true, noPut: true }), outlet);
    watches.serve(request(2, key("a"), { noDelete: true }), outlet);
    write([["a", small]], [["a", null]]);
    expect(seen(1)).to.deep.equal(["2 delete a"]);
    expect(seen(2)).to.deep.equal(["1 put a"]);
    expect(outlet.events(1)[0]?.previous).to.deep.include({ value: small, modRevision: 1, version: 1 });
    const cancel = { op: Op.watchCancel, requestId: 9, deadlineMs: 0, watchId: 1 };
    watches.serve(cancel, outlet);
    expect(outlet.replies.at(-1)).to.deep.equal([9, Op.watchCancel]);
    watches.serve(request(2, key("b")), outlet);
    expect(outlet.refusals).to.have.nested.property("[0].code", "INVALID_ARGUMENT");
    expect(watches.size).to.equal(1);
    watches.disconnected(outlet);
    expect(watches.size).to.equal(0);
    expect(store.onChanges, "nothing is made of changes that nobody watches").to.equal(null);
  });

  it("sees each change once and in order, transactions whole, whatever happens to store and client", async () => {
    const { below, replay } = seededRandom();
    const ranges = [
      key("a"),
      key("b1"),
      prefix("b"),
      prefix(""),
      { start: Buffer.from("a5"), end: Buffer.from("b5") },
    ];
    const outlets = [outlet, new ScriptedOutlet(), new ScriptedOutlet()];
    const begun: {
      readonly on: ScriptedOutlet;
      readonly id: number;
      readonly range: KeyRange;
      readonly from: number;
    }[] = [];
    for (let step = 1; step <= 400; step += 1) {
      const on = outlets[below(outlets.length)] ?? outlet;
      switch (below(8)) {
        case 0: {
          const range = ranges[below(ranges.length)] ?? key("a");
          const fromRevision = below(2) === 0 ? 0 : store.floor + 1 + below(store.revision - store.floor + 3);
          if (begun.filter((one) => one.on === on).length >= 30) break;
          watches.serve(
            request(step, range, { fromRevision, wantPrevious: below(2) === 0, progress: below(2) === 0 }),
            on,
          );
          const told = on.replies.at(-1)?.[2] as number;
          begun.push({ on, id: step, range, from: fromRevision === 0 ? told + 1 : fromRevision });
          break;
        }
        case 1:
          on.reads = !on.reads;
          if (on.reads) on.readAll();
          break;
        case 2:
          on.readAll();
          break;
        case 3:
          store.tell();
          watches.applied();
          break;
        case 4:
          watches.tick(performance.now() + step * PROGRESS_MS);
          break;
        case 5:
          if (below(20) === 0) store.floor = Math.max(store.floor, store.revision - 20);
          await nextTurn();
          break;
        default: {
          const names = new Set(Array.from({ length: 1 + below(6) }, () => `${"abc"[below(3)]}${below(9)}`));
          store.apply([
            [...names].map((name): Write => [name, below(4) === 0 ? null : below(3) === 0 ? large : small]),
          ]);
        }
      }
    }
    store.tell();
    watches.applied();
    for (let turn = 0; watches.behind > 0; turn += 1) {
      expect(turn, replay).to.be.below(10_000);
      for (const one of outlets) one.readAll();
      watches.tick(0);
      await nextTurn();
    }
    for (const { on, id, range, from } of begun) {
      const end = range.end === null ? null : Buffer.from(range.end);
      const expected = store.all
        .filter((change) => change.revision >= from && Buffer.compare(change.key, range.start) >= 0)
        .filter((change) => end === null || Buffer.compare(change.key, end) < 0);
      const got = on.events(id).map((event) => `${event.modRevision} ${event.kind} ${nameOf(event)}`);
      const isEnded = on.of(id).at(-1)?.kind === "watchEnd";
      const all = expected.map((change) => `${change.revision} ${change.kind} ${nameOf(change)}`);
      const what = `${replay} watch ${id} from ${from}`;
      expect(got, what).to.deep.equal(isEnded ? all.slice(0, got.length) : all);
      checkPieces(id, expected, on, what);
    }
  });

  /** A frame that says nothing of more ends its revision, and a mark is above what came and below what comes. */
  function checkPieces(id: number, expected: readonly Change[], on = outlet, what = ""): void {
    let at = 0;
    let promised = 0;
    for (const frame of on.of(id)) {
      if (frame.kind !== "events") continue;
      const first = frame.events[0]?.modRevision ?? frame.revision;
      expect(first, `${what}: behind what was promised`).to.be.above(promised);
      at += frame.events.length;
      const goesOn = expected[at]?.revision === frame.revision;
      if (frame.events.length === 0) {
        expect(expected[at]?.revision ?? Infinity, `${what}: a mark too early`).to.be.above(frame.revision);
      } else expect(frame.moreOfRevision, `${what}: torn at ${frame.revision}`).to.equal(goesOn);
      promised = frame.moreOfRevision ? frame.revision - 1 : frame.revision;
    }
  }
});
