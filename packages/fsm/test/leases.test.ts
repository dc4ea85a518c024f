import { expect } from "chai";
import type { CommandResult } from "@raftkv/fsm";
import { TestLog } from "./support/log.js";
import { bytes, del, put, putWith, removeDirectories, txn } from "./support/machine.js";

const CLOCK = { kind: "clock" } as const;

describe("A lease", () => {
  let log: TestLog;

  beforeEach(async () => {
    log = await TestLog.open();
  });
  afterEach(async () => {
    await log.close();
    await removeDirectories();
  });

  it("has the index of its entry, and its time left in log time", async () => {
    expect(await log.apply({ kind: "leaseGrant", ttlMs: 100 }, { stampMs: 50 })).to.deep.equal({
      kind: "leaseGrant",
      lease: 1,
      ttlMs: 100,
    });
    await log.apply(put("k", "v"), { stampMs: 60 });
    expect(log.machine.lease(1)).to.deep.equal({ lease: 1, ttlMs: 100, remainingMs: 90 });
    expect(log.machine.lease(1, 149)).to.have.property("remainingMs", 1);
    expect(log.machine.lease(1, 500)).to.have.property("remainingMs", 0);
    expect(log.machine.lease(2)).to.equal(null);
    expect(log.machine.nextDueMs).to.equal(150);
    await log.grantLease(10);
    expect(log.machine.nextDueMs).to.equal(70);
    expect(log.machine.leases().map(({ lease }) => lease)).to.deep.equal([1, 3]);
  });

  it("takes its keys with it, at one revision, when it is revoked; those put without it stay", async () => {
    const lease = await log.grantLease();
    await log.apply(putWith("a", "1", { lease }));
    await log.apply(putWith("b", "1", { lease }));
    await log.apply(putWith("c", "1", { lease }));
    await log.apply(put("b", "2"));
    const { revision } = log.store;
    expect(await log.apply({ kind: "leaseRevoke", lease })).to.deep.equal({
      kind: "leaseRevoke",
      revision: revision + 1,
      deleted: 2,
    });
    expect(["a", "b", "c"].map((key) => log.store.get(bytes(key))?.version ?? 0)).to.deep.equal([0, 2, 0]);
    expect(log.machine.leasesCount).to.equal(0);
    const again = await log.apply({ kind: "leaseRevoke", lease });
    expect(again).to.deep.equal({ kind: "refused", code: "LEASE_NOT_FOUND", facts: { lease } });
    expect(await log.apply(putWith("a", "1", { lease }))).to.deep.equal(again);
  });

  it("without keys goes without a revision", async () => {
    const lease = await log.grantLease();
    expect(await log.apply({ kind: "leaseRevoke", lease })).to.have.property("revision", 1);
    await log.grantLease(5);
    expect(await log.apply(CLOCK, { stampMs: 5 })).to.deep.equal({
      kind: "clock",
      leases: [3],
      sessions: [],
      deleted: 0,
    });
    expect(log.store.revision).to.equal(1);
  });

  it("F5: ends with a clock entry alone, whatever other entries say of the time", async () => {
    const lease = await log.grantLease(100);
    await log.apply(putWith("k", "v", { lease }), { stampMs: 1_000 });
    await log.apply({ kind: "leaseKeepAlive", leases: [] }, { stampMs: 2_000 });
    expect([log.machine.leasesCount, log.machine.lease(lease)?.remainingMs]).to.deep.equal([1, 0]);
    expect(await log.apply(CLOCK)).to.have.property("deleted", 1);
    expect(log.store.get(bytes("k"))).to.equal(null);
  });

  it("F5: a clock entry ends what is due by its own stamp, and nothing else", async () => {
    const first = await log.grantLease(100);
    const second = await log.grantLease(50);
    expect(await log.apply(CLOCK, { stampMs: 49 })).to.have.deep.property("leases", []);
    expect(await log.apply(CLOCK, { stampMs: 50 })).to.have.deep.property("leases", [second]);
    expect(await log.apply(CLOCK, { stampMs: 99 })).to.have.deep.property("leases", []);
    expect(await log.apply(CLOCK, { stampMs: 100 })).to.have.deep.property("leases", [first]);
    expect(log.machine.nextDueMs).to.equal(null);
  });

  it("F5: lives on with a keep-alive, from log time then; of one that is not there that says 0", async () => {
    const lease = await log.grantLease(100);
    const kept = await log.apply({ kind: "leaseKeepAlive", leases: [lease, 77] }, { stampMs: 60 });
    expect(kept).to.deep.equal({
      kind: "leaseKeepAlive",
      leases: [
        { lease, ttlMs: 100 },
        { lease: 77, ttlMs: 0 },
      ],
    });
    expect(await log.apply(CLOCK, { stampMs: 159 })).to.have.deep.property("leases", []);
    expect(await log.apply(CLOCK, { stampMs: 160 })).to.have.deep.property("leases", [lease]);
  });

  it("F5: log time never goes back", async () => {
    await log.apply(put("k", "v"), { stampMs: 500 });
    await log.apply(put("k", "v"), { stampMs: 100 });
    expect(log.machine.logTimeMs).to.equal(500);
    await log.apply({ kind: "leaseGrant", ttlMs: 10 }, { stampMs: 200 });
    expect(log.machine.nextDueMs).to.equal(510);
  });

  it("F5: the first entry of a term renews leases and sessions in full", async () => {
    const lease = await log.grantLease(100);
    const session = await log.openSession(200);
    await log.apply(put("k", "v"), { stampMs: 90 });
    await log.nextTerm();
    expect(log.machine.lease(lease)?.remainingMs).to.equal(100);
    // What an earlier leader still proposed was encoded before, and ends nothing that was renewed.
    expect(await log.apply(CLOCK, { stampMs: 100 })).to.have.deep.property("leases", []);
    expect(await log.apply(CLOCK, { stampMs: 190 })).to.deep.include({ leases: [lease], sessions: [] });
    expect(await log.apply(CLOCK, { stampMs: 289 })).to.deep.include({ leases: [], sessions: [] });
    expect(await log.apply(CLOCK, { stampMs: 290 })).to.deep.include({ leases: [], sessions: [session] });
  });

  it("F5: a clock entry that is the first of its term ends only what is due after the renewal", async () => {
    const lease = await log.grantLease(100);
    await log.apply(put("k", "v"), { stampMs: 99 });
    expect(await log.apply(CLOCK, { stampMs: 150, term: 2 })).to.have.deep.property("leases", []);
    expect(log.machine.lease(lease)?.remainingMs).to.equal(49);
    expect(await log.apply(CLOCK, { stampMs: 199, term: 2 })).to.have.deep.property("leases", [lease]);
  });

  it("F5: a term that goes on after a restart renews nothing", async () => {
    const lease = await log.grantLease(100);
    await log.apply(put("k", "v"), { stampMs: 90 });
    await log.restart();
    await log.apply(put("k", "v"), { stampMs: 95 });
    expect(log.machine.lease(lease)?.remainingMs).to.equal(5);
  });

  it("F5: those that are due go whole, in the order of their time, as many as one entry bears", async () => {
    await log.apply({ kind: "settingsChange", settings: { leaseExpiryKeysMax: 3 } });
    const large = await log.grantLease(30);
    const early = await log.grantLease(10);
    const later = await log.grantLease(20);
    for (let i = 0; i < 5; i++) await log.apply(putWith(`large${i}`, "v", { lease: large }));
    for (let i = 0; i < 2; i++) await log.apply(putWith(`early${i}`, "v", { lease: early }));
    for (let i = 0; i < 2; i++) await log.apply(putWith(`later${i}`, "v", { lease: later }));
    const steps: unknown[] = [];
    for (let i = 0; i < 4; i++) steps.push(await log.apply(CLOCK, { stampMs: 100 }));
    const sessions: number[] = [];
    expect(steps).to.deep.equal([
      { kind: "clock", leases: [early], sessions, deleted: 2 },
      { kind: "clock", leases: [later], sessions, deleted: 2 },
      // At least one goes, however many keys that are.
      { kind: "clock", leases: [large], sessions, deleted: 5 },
      { kind: "clock", leases: [], sessions, deleted: 0 },
    ]);
  });

  it("have no more keys than the settings allow: by a put, by a transaction, after a restart", async () => {
    await log.apply({ kind: "settingsChange", settings: { leaseKeysMax: 2 } });
    const [lease, other] = [await log.grantLease(), await log.grantLease()];
    const full = { kind: "refused", code: "TOO_LARGE", facts: { leaseKeysMax: 2 } };
    const attach = (key: string, to = lease): Promise<CommandResult> =>
      log.apply(putWith(key, "v", { lease: to }));
    await attach("a");
    await attach("b");
    expect(await attach("c")).to.deep.equal(full);
    // One that is attached may be put again, and others have room of their own.
    expect(await attach("b")).to.have.property("kind", "put");
    expect(await attach("c", other)).to.have.property("kind", "put");
    await log.restart();
    expect(await attach("d")).to.deep.equal(full);
    const [a, d] = [putWith("a", "v", { lease }), putWith("d", "v", { lease })];
    expect(await log.apply(txn([], [a, d]))).to.deep.equal(full);
    expect(log.store.get(bytes("d"))).to.equal(null);
    // What counts is what there is behind the whole of it.
    expect(await log.apply(txn([], [d, del("a")]))).to.have.property("kind", "txn");
    expect(await log.apply(txn([], [putWith("b", "v", { lease: other }), a]))).to.have.property(
      "kind",
      "txn",
    );
    expect(await attach("e")).to.deep.equal(full);
    await log.apply(del("d"));
    expect(await attach("e")).to.have.property("kind", "put");
    // A lower limit takes nothing away, and nothing is gained.
    await log.apply({ kind: "settingsChange", settings: { leaseKeysMax: 1 } });
    expect(await attach("e")).to.have.property("kind", "put");
    expect(await attach("f")).to.deep.equal({ ...full, facts: { leaseKeysMax: 1 } });
    expect(await log.apply({ kind: "leaseRevoke", lease })).to.have.property("deleted", 2);
  });

  it("there are as many of as the settings allow", async () => {
    await log.apply({ kind: "settingsChange", settings: { leasesMax: 2 } });
    await log.grantLease();
    await log.grantLease();
    expect(await log.apply({ kind: "leaseGrant", ttlMs: 5 })).to.deep.equal({
      kind: "refused",
      code: "OVERLOADED",
      facts: { leasesMax: 2 },
    });
    await log.restart();
    expect([log.machine.leasesCount, log.machine.settings.leasesMax]).to.deep.equal([2, 2]);
  });
});
