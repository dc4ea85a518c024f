import { expect } from "chai";
import type { CommandResult } from "@raftkv/fsm";
import { LOG_FORMAT, NewerFormatError, SmallStateFormatError } from "@raftkv/fsm";
import { array, assert, boolean, constantFrom, nat, property, record } from "fast-check";
import { ByteReader } from "../dist/byte-reader.js";
import { written } from "../dist/byte-writer.js";
import { KeptResults } from "../dist/kept-results.js";
import { MachineState } from "../dist/machine-state.js";
import { resultBytes } from "../dist/result-codec.js";
import { DEFAULT_SETTINGS } from "../dist/settings.js";
import { bytes } from "./support/machine.js";

const entry = {
  key: bytes("key"),
  value: bytes("value"),
  createRevision: 2,
  modRevision: 2 ** 40,
  version: 3,
  lease: 4,
};
/** One of each kind at least. */
const RESULTS: CommandResult[] = [
  { kind: "put", revision: 2 ** 53 - 1, previous: null },
  { kind: "put", revision: 7, previous: entry },
  { kind: "delete", revision: 7, deleted: 2, previous: [entry, entry] },
  {
    kind: "txn",
    revision: 9,
    succeeded: true,
    results: [
      { kind: "put", previous: entry },
      { kind: "put", previous: null },
      { kind: "delete", deleted: 1, previous: [entry] },
      { kind: "get", entries: [entry], more: true, count: null },
      { kind: "get", entries: [], more: false, count: 0 },
      { kind: "txn", succeeded: false, results: [] },
    ],
  },
  { kind: "leaseGrant", lease: 5, ttlMs: 100 },
  { kind: "leaseRevoke", revision: 4, deleted: 0 },
  { kind: "leaseKeepAlive", leases: [{ lease: 1, ttlMs: 0 }] },
  { kind: "sessionOpen", session: 3, ttlMs: 4 },
  { kind: "sessionKeepAlive", ttlMs: 4 },
  { kind: "sessionClose" },
  { kind: "compact", floor: 8 },
  { kind: "catalogChange", version: 2 },
  { kind: "clock", leases: [1, 2], sessions: [3], deleted: 4 },
  { kind: "settingsChange", settings: { ...DEFAULT_SETTINGS, leasesMax: 3 } },
  { kind: "notKept", revision: 6 },
  { kind: "hashCheck" },
  { kind: "refused", code: "LEASE_NOT_FOUND", facts: { lease: 9 } },
  { kind: "refused", code: "PREDECESSOR_FAILED", facts: { predecessor: 9 } },
  { kind: "refused", code: "INVALID_ARGUMENT", facts: {} },
];
const reader = (from: Uint8Array): ByteReader => {
  const made = new ByteReader((message) => new SmallStateFormatError(message));
  made.open(from);
  return made;
};

function copied(results: KeptResults): KeptResults {
  const made = new KeptResults();
  const from = reader(written((writer) => results.write(writer)));
  made.read(from);
  from.end();
  return made;
}

/** What the slices make, piece by piece. */
function collected(slices: Iterable<readonly [string, Uint8Array]>): Map<string, Uint8Array> {
  const whole = new Map<string, Uint8Array>();
  for (const [name, slice] of slices) {
    whole.set(name, Buffer.concat([whole.get(name) ?? new Uint8Array(), slice]));
  }
  return whole;
}

describe("The results of a session", () => {
  it("are read as they were written, of every kind", () => {
    const kept = new KeptResults();
    for (const [i, result] of RESULTS.entries()) kept.set(3 * i + 1, result, resultBytes(result));
    const read = copied(kept);
    for (const [i, result] of RESULTS.entries()) {
      for (const one of [kept, read]) expect(one.get(3 * i + 1)).to.deep.equal(result);
      expect([read.get(3 * i + 2), read.has(3 * i + 2), read.has(3 * i + 1)]).to.deep.equal([
        null,
        false,
        true,
      ]);
    }
    expect(read.bytes).to.equal(kept.bytes);
    const again = written((writer) => read.write(writer));
    expect(again).to.deep.equal(written((writer) => kept.write(writer)));
  });

  it("take no more room than they span once the client has confirmed", () => {
    const results = new KeptResults();
    for (let number = 1; number <= 10_000; number++) {
      results.set(number, { kind: "put", revision: number, previous: null }, 0);
    }
    expect([results.span, results.room]).to.deep.equal([10_000, 16_384]);
    results.forgetBelow(9_990);
    expect([results.span, results.room]).to.deep.equal([11, 16]);
    expect(results.get(9_995)).to.have.property("revision", 9_995);
  });

  it("are what a map says, whatever is set and forgotten, and so after being written and read", () => {
    const change = record({
      kind: constantFrom("set", "set", "forget"),
      ahead: nat(40),
      which: nat(RESULTS.length - 1),
    });
    assert(
      property(array(change, { maxLength: 100, size: "max" }), (changes) => {
        const kept = new KeptResults();
        const map = new Map<number, CommandResult>();
        for (const { kind, ahead, which } of changes) {
          const number = kept.answeredBelow + ahead;
          const result = RESULTS[which];
          if (kind === "forget") {
            kept.forgetBelow(number - 20);
            for (const one of map.keys()) if (one < number - 20) map.delete(one);
          } else if (result !== undefined && !map.has(number)) {
            kept.set(number, result, resultBytes(result));
            map.set(number, result);
          }
        }
        for (const one of [kept, copied(kept)]) {
          const from = one.answeredBelow;
          for (let number = Math.max(0, from - 30); number < from + 60; number++) {
            expect(one.get(number)).to.deep.equal(map.get(number) ?? null);
            expect(one.has(number)).to.equal(map.has(number));
          }
          expect(one.bytes).to.equal([...map.values()].reduce((sum, result) => sum + resultBytes(result), 0));
        }
      }),
    );
  });
});

describe("The small state of the machine (F3)", () => {
  const pieces = (state: MachineState): Map<string, Uint8Array> => collected(state.encode());
  const read = (from: ReadonlyMap<string, Uint8Array>): MachineState =>
    new MachineState(1, (name) => from.get(name) ?? null);

  it("F3: is read as it was written, with leases, sessions, their results and the time", () => {
    const state = read(new Map());
    state.logTimeMs = 2 ** 48 - 1;
    state.settings = { ...DEFAULT_SETTINGS, sessionsMax: 9 };
    state.leases.grant(5, 100, 7);
    state.leases.grant(9, 1, 7);
    state.sessions.open(11, 50, 7);
    const session = state.sessions.find(11);
    if (session === null) throw new Error("it was opened");
    for (const [i, result] of RESULTS.entries()) {
      state.sessions.record(session, i + 1, result, 1, state.settings);
    }
    const again = read(pieces(state));
    expect(pieces(again)).to.deep.equal(pieces(state));
    expect(again.logTimeMs).to.equal(state.logTimeMs);
    expect(again.settings).to.deep.equal(state.settings);
    expect([again.leases.list(8), again.sessions.size, again.nextDueMs]).to.deep.equal([
      state.leases.list(8),
      1,
      8,
    ]);
  });

  it("C5: is of the moment in which it was asked for, whatever changes before the last slice is taken", () => {
    const change = record({
      kind: constantFrom("grant", "keepAlive", "remove", "key", "open", "heard", "record", "close", "renew"),
      id: nat(12),
      taken: nat(2),
    });
    const begun = array(record({ lease: boolean(), id: nat(40) }), { maxLength: 12 });
    assert(
      property(
        begun,
        array(change, { maxLength: 40, size: "max" }),
        constantFrom(1, 20, 1_000),
        (first, changes, bytesMax) => {
          const state = read(new Map());
          let id = 100;
          for (const { lease } of first) {
            id += 1;
            if (lease) state.leases.grant(id, 50, 0);
            else state.sessions.open(id, 50, 0);
          }
          const was = pieces(state);
          const slices = [0, 1].map(() => state.encode(bytesMax)[Symbol.iterator]());
          const taken = slices.map((): [string, Uint8Array][] => []);
          const take = (which: number): boolean => {
            const next = slices[which]?.next();
            if (next === undefined || next.done === true) return false;
            taken[which]?.push([...next.value]);
            return true;
          };
          for (const [at, { kind, id: of, taken: steps }] of changes.entries()) {
            for (let step = 0; step < steps; step += 1) take(at % 2);
            apply(state, kind, 101 + of, 200 + at);
          }
          for (const which of [0, 1]) while (take(which)) continue;
          for (const one of taken) expect(collected(one)).to.deep.equal(was);
          // Nothing is left of it: what changes now is not kept for a sample that has ended.
          expect(pieces(read(pieces(state)))).to.deep.equal(pieces(state));
        },
      ),
    );
  });

  it("C5: gives no more than a slice at a time", () => {
    const state = read(new Map());
    for (let id = 1; id <= 3_000; id++) state.leases.grant(id, 10_000, id);
    const sizes = [...state.encode(1_000)].map(([, slice]) => slice.length);
    expect(Math.max(...sizes)).to.be.below(1_100);
    expect(sizes.length).to.be.above(20);
  });

  it("is the bytes that docs/command-format.md shows", () => {
    const state = read(new Map());
    state.sessions.open(5, 10_000, 0);
    const session = state.sessions.find(5);
    if (session === null) throw new Error("it was opened");
    state.sessions.heard(session, 3, 2_000);
    state.sessions.record(session, 4, { kind: "put", revision: 9, previous: null }, 9, state.settings);
    expect(Buffer.from(pieces(state).get("sessions") ?? []).toString("hex")).to.equal(
      "020105904ee05d030101010900",
    );
  });

  it("that is none, is cut short or goes on is refused, naming the piece", () => {
    const state = read(new Map());
    state.leases.grant(5, 100, 7);
    state.sessions.open(11, 50, 7);
    const whole = pieces(state);
    for (const name of ["clock", "leases", "sessions", "settings"]) {
      const piece = whole.get(name) ?? new Uint8Array();
      const broken = [
        piece.subarray(0, piece.length - 1),
        Uint8Array.of(...piece, 0),
        Uint8Array.of(1, ...piece.subarray(1)),
        new Uint8Array(),
      ];
      for (const bytesOf of broken) {
        expect(() => read(new Map(whole).set(name, bytesOf)))
          .to.throw(SmallStateFormatError, `the piece ${name}`)
          .with.property("code", "BAD_SMALL_STATE");
      }
      expect(() => read(new Map(whole).set(name, Uint8Array.of(3, ...piece.subarray(1)))))
        .to.throw(NewerFormatError, `the piece ${name} is of format 3`)
        .with.property("code", "NEWER_FORMAT");
    }
  });

  it("says which format of the log is in force once that is not the first, and a newer one is refused", () => {
    const state = read(new Map());
    const before = pieces(state).get("settings");
    state.settings = { ...state.settings, logFormat: LOG_FORMAT };
    const raised = pieces(state);
    expect(raised.get("settings")).not.to.deep.equal(before);
    expect(read(raised).settings.logFormat).to.equal(LOG_FORMAT);
    state.settings = { ...state.settings, logFormat: LOG_FORMAT + 1 };
    expect(() => read(pieces(state))).to.throw(NewerFormatError, `up to ${LOG_FORMAT}`);
  });
});

/** Changes the lease or the session `id`, if it is that; what is new has `next`. */
function apply(state: MachineState, kind: string, id: number, next: number): void {
  const session = state.sessions.find(id);
  switch (kind) {
    case "grant":
      return state.leases.grant(next, 70, next);
    case "keepAlive":
      return void state.leases.keepAlive(id, next);
    case "remove":
      return state.leases.remove(id);
    case "key":
      return state.leases.keyChanged(id, 1);
    case "open":
      return state.sessions.open(next, 70, next);
    case "heard":
      return session === null ? undefined : state.sessions.heard(session, next - 200, next);
    case "record": {
      if (session === null) return undefined;
      const result: CommandResult = { kind: "put", revision: next, previous: null };
      return state.sessions.record(session, session.results.end, result, next, state.settings);
    }
    case "close":
      return state.sessions.close(id);
    default:
      return state.renewAll();
  }
}
