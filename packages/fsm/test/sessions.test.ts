import { expect } from "chai";
import type { CommandResult } from "@raftkv/fsm";
import { TestLog } from "./support/log.js";
import { bytes, delRange, get, put, putWith, removeDirectories, txn } from "./support/machine.js";

const refusal = (code: string, facts: Record<string, number>): unknown => ({ kind: "refused", code, facts });

describe("A session (F3)", () => {
  let log: TestLog;
  let session: number;

  beforeEach(async () => {
    log = await TestLog.open();
    session = await log.openSession();
  });
  afterEach(async () => {
    await log.close();
    await removeDirectories();
  });

  it("F3: gives a retry the first answer, whatever it was, and carries nothing out", async () => {
    const lease = await log.grantLease();
    const commands = [
      put("k", "1"),
      putWith("k", "2", { wantPrevious: true }),
      putWith("k", "3", { lease: 999 }),
      delRange("a", "z", true),
      { kind: "leaseRevoke", lease } as const,
      { kind: "leaseRevoke", lease } as const,
      { kind: "leaseGrant", ttlMs: 77 } as const,
      { kind: "compact", revision: 2 } as const,
      { kind: "compact", revision: 1_000 } as const,
      { kind: "catalogChange", expectedVersion: 9, routes: [] } as const,
      txn([], [put("x", "y")]),
    ] as const;
    const first: CommandResult[] = [];
    for (const [i, command] of commands.entries()) {
      first.push(await log.apply(command, { session, number: i + 1 }));
    }
    expect(first.map((result) => (result.kind === "refused" ? result.code : result.kind))).to.deep.equal([
      "put",
      "put",
      "LEASE_NOT_FOUND",
      "delete",
      "leaseRevoke",
      "LEASE_NOT_FOUND",
      "leaseGrant",
      "compact",
      "FUTURE_REVISION",
      "CATALOG_VERSION_CONFLICT",
      "txn",
    ]);
    const { revision } = log.store;
    for (const restarted of [false, true]) {
      if (restarted) await log.restart();
      for (const [i, command] of commands.entries()) {
        expect(await log.apply(command, { session, number: i + 1 })).to.deep.equal(first[i]);
      }
    }
    expect([log.store.revision, log.machine.leasesCount]).to.deep.equal([revision, 1]);
  });

  it("F3: counts to exactly 1,000 over retries, restarts and terms", async () => {
    let number = 0;
    let dice = 1;
    for (let count = 1; count <= 1_000; count++) {
      number += 1;
      dice = (dice * 48_271) % 0x7fffffff;
      const around = { session, number, answeredBelow: number };
      const increment = putWith("counter", `${count}`, { wantPrevious: true });
      const result = await log.apply(increment, around);
      for (let retries = dice % 3; retries > 0; retries--) {
        expect(await log.apply(increment, around)).to.deep.equal(result);
      }
      if (count % 250 === 0) await log.restart();
      if (count % 300 === 0) await log.nextTerm();
    }
    const { value, version } = log.store.get(bytes("counter")) ?? {};
    expect([Buffer.from(value ?? []).toString(), version]).to.deep.equal(["1000", 1_000]);
  });

  it("F3: tells each write by its own number, not by the highest that it has seen", async () => {
    await log.apply(put("k", "5"), { session, number: 5 });
    expect(await log.apply(put("k", "3"), { session, number: 3 })).to.have.property("revision", 3);
    expect(await log.apply(put("k", "5"), { session, number: 5 })).to.have.property("revision", 2);
    expect(await log.apply(put("k", "3"), { session, number: 3 })).to.have.property("revision", 3);
    expect(await log.apply(put("k", "4"), { session, number: 4 })).to.have.property("revision", 4);
  });

  it("F3: another session's numbers are its own, and none is recorded without a session", async () => {
    const other = await log.openSession();
    await log.apply(put("k", "1"), { session, number: 1 });
    expect(await log.apply(put("k", "2"), { session: other, number: 1 })).to.have.property("revision", 3);
    expect(await log.apply(put("k", "3"), { number: 1 })).to.have.property("revision", 4);
    expect(await log.apply(put("k", "3"), { number: 1 })).to.have.property("revision", 5);
  });

  it("F3: forgets the answers that the client has, and does not carry the command out again", async () => {
    for (let number = 1; number <= 5; number++) await log.apply(put("k", "v"), { session, number });
    await log.apply(put("k", "v"), { session, number: 6, answeredBelow: 4 });
    for (const number of [1, 3]) {
      expect(await log.apply(put("k", "v"), { session, number })).to.deep.equal(
        refusal("OUTCOME_UNKNOWN", { number, answeredBelow: 4 }),
      );
    }
    expect(await log.apply(put("k", "v"), { session, number: 4 })).to.have.property("revision", 5);
    // An older copy of a frame says less; what was said stays said.
    await log.apply(put("k", "v"), { session, number: 7, answeredBelow: 2 });
    expect(await log.apply(put("k", "v"), { session, number: 3 })).to.have.property(
      "code",
      "OUTCOME_UNKNOWN",
    );
  });

  it("F3: refuses a batch with nothing recorded until its predecessor is applied", async () => {
    const second = { session, number: 2, predecessor: 1 };
    expect(await log.apply(put("k", "2"), second)).to.deep.equal(refusal("OUT_OF_ORDER", { predecessor: 1 }));
    await log.apply(put("k", "1"), { session, number: 1 });
    expect(await log.apply(put("k", "2"), second)).to.have.property("revision", 3);
    // Whose answer the client has was applied, although it is forgotten.
    const third = { session, number: 3, predecessor: 2, answeredBelow: 3 };
    expect(await log.apply(put("k", "3"), third)).to.have.property("revision", 4);
  });

  it("F3: after a failure nothing that names it slips through, nor what names that, nor a late copy", async () => {
    await log.apply(putWith("k", "1", { lease: 999 }), { session, number: 1 });
    const failed = refusal("PREDECESSOR_FAILED", { predecessor: 1 });
    expect(await log.apply(put("k", "2"), { session, number: 2, predecessor: 1 })).to.deep.equal(failed);
    expect(await log.apply(put("k", "3"), { session, number: 3, predecessor: 2 })).to.deep.equal(
      refusal("PREDECESSOR_FAILED", { predecessor: 2 }),
    );
    await log.restart();
    // The client has the first one's answer, and a copy of the second comes from an earlier leader.
    await log.apply(put("other", "v"), { session, number: 4, answeredBelow: 2 });
    expect(await log.apply(put("k", "2"), { session, number: 2, predecessor: 1 })).to.deep.equal(failed);
    expect(log.store.get(bytes("k"))).to.equal(null);
    // Without a predecessor the session goes on.
    expect(await log.apply(put("k", "5"), { session, number: 5 })).to.have.property("kind", "put");
  });

  it("F3: a false compare is no failure", async () => {
    const never = {
      range: { start: bytes("k"), end: null },
      target: "version",
      relation: "=",
      operand: 9,
    } as const;
    expect(await log.apply(txn([never], []), { session, number: 1 })).to.have.property("succeeded", false);
    const behind = { session, number: 2, predecessor: 1 };
    expect(await log.apply(put("k", "2"), behind)).to.have.property("kind", "put");
  });

  it("records no refusal that a retry may outlive", async () => {
    await log.apply({ kind: "settingsChange", settings: { leasesMax: 1 } });
    const lease = await log.grantLease();
    const grant = { kind: "leaseGrant", ttlMs: 5 } as const;
    const around = { session, number: 1 };
    expect(await log.apply(grant, around)).to.deep.equal(refusal("OVERLOADED", { leasesMax: 1 }));
    await log.apply({ kind: "leaseRevoke", lease });
    expect(await log.apply(grant, around)).to.have.property("kind", "leaseGrant");
  });

  it("refuses numbers too far ahead of what was answered, with nothing recorded", async () => {
    await log.apply({ kind: "settingsChange", settings: { sessionResultsMax: 4 } });
    expect(await log.apply(put("k", "4"), { session, number: 4 })).to.have.property("kind", "put");
    const far = { session, number: 5 };
    expect(await log.apply(put("k", "5"), far)).to.deep.equal(
      refusal("OVERLOADED", { sessionResultsMax: 4 }),
    );
    expect(await log.apply(put("k", "5"), { ...far, answeredBelow: 2 })).to.have.property("kind", "put");
  });

  it("refuses those who do not confirm once all together span too much, but nobody's share, over a restart", async () => {
    await log.apply({ kind: "settingsChange", settings: { allResultsMax: 10, sessionsMax: 5 } });
    const other = await log.openSession();
    const third = await log.openSession();
    const full = refusal("OVERLOADED", { allResultsMax: 10 });
    // Numbers that were left out take room as well.
    await log.apply(put("k", "v"), { session, number: 4 });
    await log.apply(put("k", "v"), { session: other, number: 6 });
    expect(await log.apply(put("k", "v"), { session, number: 5 })).to.deep.equal(full);
    expect(await log.apply(put("k", "v"), { session, number: 3 })).to.have.property("kind", "put");
    await log.restart();
    expect(await log.apply(put("k", "v"), { session, number: 5 })).to.deep.equal(full);
    // Whose numbers are within its share goes on.
    expect(await log.apply(put("k", "v"), { session: third, number: 2 })).to.have.property("kind", "put");
    expect(await log.apply(put("k", "v"), { session: third, number: 3 })).to.deep.equal(full);
    const next = { session: third, number: 3, answeredBelow: 2 };
    expect(await log.apply(put("k", "v"), next)).to.have.property("kind", "put");
    // Nothing was recorded of what was refused, and room that is made is there again.
    await log.apply({ kind: "sessionClose" }, { session: other });
    expect(await log.apply(put("k", "v"), { session, number: 5 })).to.have.property("kind", "put");
  });

  it("F3: carries out a number that it left out, however much all span together: else nothing behind it is ever confirmed", async () => {
    const third = await log.openSession();
    await log.apply(put("k", "v"), { session, number: 4 });
    await log.apply(put("k", "v"), { session: third, number: 4 });
    // Lowered below what is there.
    await log.apply({ kind: "settingsChange", settings: { allResultsMax: 5, sessionsMax: 5 } });
    for (const number of [1, 2, 3])
      expect(await log.apply(put("k", "v"), { session, number })).to.have.property("kind", "put");
    const full = refusal("OVERLOADED", { allResultsMax: 5 });
    expect(await log.apply(put("k", "v"), { session, number: 5 })).to.deep.equal(full);
    const confirmed = { session, number: 5, answeredBelow: 5 };
    expect(await log.apply(put("k", "v"), confirmed)).to.have.property("kind", "put");
  });

  it("keeps of an answer that is too large only where it was carried out", async () => {
    await log.apply({ kind: "settingsChange", settings: { resultBytesMax: 100 } });
    await log.apply(put("k", "v".repeat(100)));
    const read = putWith("k", "w", { wantPrevious: true });
    const around = { session, number: 1 };
    expect(await log.apply(read, around)).to.have.nested.property("previous.version", 1);
    expect(await log.apply(read, around)).to.deep.equal({ kind: "notKept", revision: 3 });
    const behind = { session, number: 2, predecessor: 1 };
    expect(await log.apply(put("k", "x"), behind)).to.have.property("kind", "put");
  });

  it("keeps as much in all sessions together as is allowed, and again when room is made, over a restart", async () => {
    await log.apply({ kind: "settingsChange", settings: { allResultBytesMax: 200 } });
    await log.apply(put("k", "v".repeat(100)));
    const reading = txn([], [get("k")]);
    const other = await log.openSession();
    await log.apply(reading, { session, number: 1 });
    await log.apply(reading, { session: other, number: 1 });
    expect(await log.apply(reading, { session, number: 1 })).to.have.property("kind", "txn");
    expect(await log.apply(reading, { session: other, number: 1 })).to.have.property("kind", "notKept");
    await log.restart();
    await log.apply(reading, { session: other, number: 2 });
    expect(await log.apply(reading, { session: other, number: 2 })).to.have.property("kind", "notKept");
    await log.apply({ kind: "sessionClose" }, { session });
    await log.apply(reading, { session: other, number: 3 });
    expect(await log.apply(reading, { session: other, number: 3 })).to.have.property("kind", "txn");
  });

  it("that is not open is refused: never opened, closed, or expired", async () => {
    const expired = (id: number): unknown => refusal("SESSION_EXPIRED", { session: id });
    expect(await log.apply(put("k", "v"), { session: 999, number: 1 })).to.deep.equal(expired(999));
    expect(await log.apply({ kind: "sessionKeepAlive" })).to.deep.equal(expired(0));
    expect(await log.apply({ kind: "sessionClose" })).to.deep.equal(expired(0));
    expect(await log.apply({ kind: "sessionKeepAlive" }, { session })).to.deep.equal({
      kind: "sessionKeepAlive",
      ttlMs: 10_000,
    });
    const closed = await log.openSession();
    expect(await log.apply({ kind: "sessionClose" }, { session: closed, number: 1 })).to.deep.equal({
      kind: "sessionClose",
    });
    expect(await log.apply(put("k", "v"), { session: closed, number: 1 })).to.deep.equal(expired(closed));
    await log.apply({ kind: "clock" }, { stampMs: 10_000 });
    expect(await log.apply(put("k", "v"), { session, number: 1 })).to.deep.equal(expired(session));
    expect([log.machine.sessionsCount, log.store.get(bytes("k"))]).to.deep.equal([0, null]);
  });

  it("F5: lives on with every command, refused or answered before, and ends with a clock entry when none comes", async () => {
    const at = (stampMs: number): Promise<CommandResult> => log.apply({ kind: "clock" }, { stampMs });
    await log.apply(put("k", "v"), { session, number: 1, stampMs: 6_000 });
    expect(await at(12_000)).to.have.deep.property("sessions", []);
    await log.apply(put("k", "v"), { session, number: 1, stampMs: 15_000 });
    expect(await at(24_000)).to.have.deep.property("sessions", []);
    await log.apply({ kind: "sessionKeepAlive" }, { session, stampMs: 24_999 });
    expect(await at(34_998)).to.have.deep.property("sessions", []);
    expect(await at(34_999)).to.have.deep.property("sessions", [session]);
  });

  it("F2: an entry of a session that is not open moves the applied index", async () => {
    const { index } = log.store.applied;
    await log.apply(put("k", "v"), { session: 999, number: 1 });
    expect(log.store.applied.index).to.equal(index + 1);
  });

  it("there are as many of as the settings allow", async () => {
    await log.apply({ kind: "settingsChange", settings: { sessionsMax: 1 } });
    expect(await log.apply({ kind: "sessionOpen", ttlMs: 1 })).to.deep.equal(
      refusal("OVERLOADED", { sessionsMax: 1 }),
    );
    await log.apply({ kind: "sessionClose" }, { session });
    expect(await log.apply({ kind: "sessionOpen", ttlMs: 1 })).to.have.property("session", 5);
  });
});
