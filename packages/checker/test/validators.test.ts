import { assert } from "chai";
import { checkAppenders, checkBank, checkLeases, checkLock } from "@raftkv/checker";
import type { AppenderOperation, BankOperation, LeaseOperation, LockOperation } from "@raftkv/checker";
import {
  acquire,
  alive,
  balances,
  grant,
  guarded,
  log,
  release,
  renew,
  revoke,
  submit,
  transfer,
} from "./support/operations.js";

interface Cases<O> {
  readonly good: Readonly<Record<string, O[]>>;
  readonly bad: Readonly<Record<string, { history: O[]; kinds: string[] }>>;
}

function run<O>(
  cases: Cases<O>,
  judge: (history: O[]) => { ok: boolean; findings: readonly { kind: string }[] },
): void {
  for (const [name, history] of Object.entries(cases.good))
    it(`accepts: ${name}`, () => {
      const result = judge(history);
      assert.deepEqual([...result.findings], []);
      assert.isTrue(result.ok);
    });
  for (const [name, { history, kinds }] of Object.entries(cases.bad))
    it(`refuses: ${name}`, () => {
      const result = judge(history);
      assert.isFalse(result.ok);
      assert.deepEqual(
        result.findings.map(({ kind }) => kind),
        kinds,
      );
    });
}

describe("banks (the sum is kept, nobody owes)", () => {
  const opening = { a: 10, b: 10 };
  const judge = (history: BankOperation[]) => checkBank(history, opening);
  run<BankOperation>(
    {
      good: {
        "nothing moved": [balances({ a: 10, b: 10 }, 1, 2)],
        "moved before": [transfer(3, ["a", "b"], [1, 2]), balances({ a: 7, b: 13 }, 3, 4)],
        "one that overlaps may be seen, or not": [
          transfer(3, ["a", "b"], [1, 8]),
          balances({ a: 10, b: 10 }, 2, 3),
          balances({ a: 7, b: 13 }, 4, 5),
        ],
        "an unknown one that happened late": [
          transfer(3, ["a", "b"], [1, "?"]),
          balances({ a: 10, b: 10 }, 2, 3),
          balances({ a: 7, b: 13 }, 4, 5),
        ],
        "one that was refused moved nothing": [
          transfer(30, ["a", "b"], [1, 2], false),
          balances({ a: 10, b: 10 }, 3, 4),
        ],
        "one that failed moved nothing": [
          transfer(3, ["a", "b"], [1, 2, "fail"]),
          balances({ a: 10, b: 10 }, 3, 4),
        ],
      },
      bad: {
        "a read in the middle of a transfer": {
          history: [transfer(3, ["a", "b"], [1, 4]), balances({ a: 7, b: 10 }, 2, 3)],
          kinds: ["wrong sum"],
        },
        "money out of nowhere": { history: [balances({ a: 10, b: 11 }, 1, 2)], kinds: ["wrong sum"] },
        "a debt": {
          history: [transfer(12, ["a", "b"], [1, 2]), balances({ a: -2, b: 22 }, 3, 4)],
          kinds: ["negative"],
        },
        "an account that is missing": { history: [balances({ a: 20 }, 1, 2)], kinds: ["wrong accounts"] },
        "a stale read": {
          history: [transfer(3, ["a", "b"], [1, 2]), balances({ a: 10, b: 10 }, 3, 4)],
          kinds: ["impossible balance"],
        },
        "a transfer that failed is seen": {
          history: [transfer(3, ["a", "b"], [1, 2, "fail"]), balances({ a: 7, b: 13 }, 3, 4)],
          kinds: ["impossible balance"],
        },
        "a transfer that counts twice": {
          history: [transfer(3, ["a", "b"], [1, "?"]), balances({ a: 4, b: 16 }, 2, 3)],
          kinds: ["impossible balance"],
        },
      },
    },
    judge,
  );

  it("is not ok without a single read: such a history proves nothing", () => {
    assert.isFalse(judge([transfer(3, ["a", "b"], [1, 2])]).ok);
  });
});

describe("pipelined appenders (order, no loss, no repeat; C3)", () => {
  run<AppenderOperation>(
    {
      good: {
        "an empty log": [log("", 1, 2)],
        "two in flight at a time": [submit("a:1", 1, 3), submit("a:2", 2, 4), log("a:1 a:2", 5, 6)],
        "two appenders mixed": [
          submit("a:1", 1, 5),
          submit("b:1", 2, 6),
          submit("a:2", 3, 7),
          log("a:1 b:1 a:2", 8, 9),
        ],
        "in flight may be there up to any": [
          submit("a:1", 1, 9),
          submit("a:2", 2, 8, "fail"),
          log("a:1", 3, 4),
        ],
        "unknown ones may be missing at the end": [
          submit("a:1", 1, 2),
          submit("a:2", 3, "?"),
          log("a:1", 4, 5),
        ],
        "unknown ones may come late": [submit("a:1", 1, "?"), log("", 2, 3), log("a:1", 4, 5)],
        "a failed one between others is left out": [
          submit("a:1", 1, 2),
          submit("a:2", 3, 4, "fail"),
          submit("a:3", 5, 6),
          log("a:1 a:3", 7, 8),
        ],
      },
      bad: {
        "an acknowledged one is missing": { history: [submit("a:1", 1, 2), log("", 3, 4)], kinds: ["lost"] },
        "one that was read is gone": {
          history: [submit("a:1", 1, "?"), log("a:1", 2, 3), log("", 4, 5)],
          kinds: ["lost"],
        },
        "one is there twice": {
          history: [submit("a:1", 1, 2), log("a:1 a:1", 3, 4)],
          kinds: ["repeated"],
        },
        "two are there in the wrong order": {
          history: [submit("a:1", 1, 3), submit("a:2", 2, 4), log("a:2 a:1", 5, 6)],
          kinds: ["out of order"],
        },
        "a gap before a later one": {
          history: [submit("a:1", 1, "?"), submit("a:2", 2, "?"), log("a:2", 3, 4)],
          kinds: ["gap"],
        },
        "one that nobody submitted": { history: [log("a:1", 1, 2)], kinds: ["unexpected"] },
        "one that failed": {
          history: [submit("a:1", 1, 2, "fail"), log("a:1", 3, 4)],
          kinds: ["unexpected"],
        },
        "one from the future": { history: [log("a:1", 1, 2), submit("a:1", 3, 4)], kinds: ["unexpected"] },
        "answers in another order": {
          history: [submit("a:1", 1, 4), submit("a:2", 2, 3), log("a:1 a:2", 5, 6)],
          kinds: ["answered out of order"],
        },
      },
    },
    checkAppenders,
  );
});

describe("locks with fencing tokens", () => {
  const fenced: Cases<LockOperation> = {
    good: {
      "one after the other": [
        acquire(1, 1, 2),
        guarded(1, true, 3, 4),
        release(1, 5, 6),
        acquire(2, 7, 8),
        guarded(2, true, 9, 10),
      ],
      "one that was refused the lock": [acquire(1, 1, 2), acquire(null, 3, 4)],
      "a late one is kept out": [
        acquire(1, 1, 2),
        acquire(2, 3, 4),
        guarded(2, true, 5, 6),
        guarded(1, false, 7, 8),
      ],
      "overlapping uses in any order": [
        acquire(1, 1, 2),
        acquire(2, 3, 4),
        guarded(2, true, 5, 8),
        guarded(1, true, 6, 7),
      ],
      "overlapping acquires in any order": [acquire(2, 1, 4), acquire(1, 2, 3)],
    },
    bad: {
      "one token for two": { history: [acquire(1, 1, 4), acquire(1, 2, 3)], kinds: ["token used twice"] },
      "a smaller token for a later one": {
        history: [acquire(2, 1, 2), acquire(1, 3, 4)],
        kinds: ["token goes back"],
      },
      "a late one is let in": {
        history: [acquire(1, 1, 2), acquire(2, 3, 4), guarded(2, true, 5, 6), guarded(1, true, 7, 8)],
        kinds: ["stale token accepted"],
      },
      "a token that nobody was granted": {
        history: [acquire(1, 1, 2), guarded(3, true, 3, 4)],
        kinds: ["unknown token"],
      },
    },
  };
  run(fenced, (history) => checkLock(history, { expires: true }));

  const lasting: Cases<LockOperation> = {
    good: {
      "released before": [acquire(1, 1, 2), release(1, 3, 4), acquire(2, 5, 6)],
      "released while the other waits": [acquire(1, 1, 2), acquire(2, 3, 9), release(1, 4, 5)],
      "a release of unknown outcome": [acquire(1, 1, 2), release(1, 3, "?"), acquire(2, 4, 5)],
    },
    bad: {
      "two holders of a lock that does not expire": {
        history: [acquire(1, 1, 2), acquire(2, 3, 4), release(1, 5, 6)],
        kinds: ["held twice"],
      },
      "a release that failed": {
        history: [acquire(1, 1, 2), release(1, 3, 4, "fail"), acquire(2, 5, 6)],
        kinds: ["held twice"],
      },
    },
  };
  run(lasting, (history) => checkLock(history, { expires: false }));

  it("is not ok when nobody was granted the lock: such a history proves nothing", () => {
    assert.isFalse(checkLock([acquire(null, 1, 2)], { expires: true }).ok);
  });
});

describe("leases (kept for their time, gone afterwards)", () => {
  run<LeaseOperation>(
    {
      good: {
        "there within its time": [grant(100, 1, 2), alive(true, 5, 6)],
        "gone after its time": [grant(100, 1, 2), alive(false, 12, 13)],
        "there for a while longer": [grant(100, 1, 2), alive(true, 20, 21)],
        "renewed in time": [grant(100, 1, 2), renew(true, 9, 10), alive(true, 15, 16), alive(false, 21, 22)],
        "a renewal of unknown outcome may have prolonged it": [
          grant(100, 1, 2),
          renew(true, 9, "?"),
          alive(true, 60, 61),
        ],
        "a renewal of unknown outcome need not have": [
          grant(100, 1, 2),
          renew(true, 9, "?"),
          alive(false, 13, 14),
        ],
        "gone when it was revoked": [grant(100, 1, 2), revoke(3, 4), alive(false, 5, 6)],
        "a renewal that came too late": [grant(100, 1, 2), renew(false, 15, 16), alive(false, 17, 18)],
        "granted anew": [grant(100, 1, 2), alive(false, 15, 16), grant(100, 17, 18), alive(true, 19, 20)],
      },
      bad: {
        "gone before its time": { history: [grant(100, 1, 2), alive(false, 5, 6)], kinds: ["expired early"] },
        "gone although it was renewed": {
          history: [grant(100, 1, 2), renew(true, 9, 10), alive(false, 13, 14)],
          kinds: ["expired early"],
        },
        "not found by a renewal in time": {
          history: [grant(100, 1, 2), renew(false, 5, 6)],
          kinds: ["expired early"],
        },
        "there long after its time": {
          history: [grant(100, 1, 2), alive(true, 70, 71)],
          kinds: ["expired late"],
        },
        "gone and back again": {
          history: [grant(100, 1, 2), alive(false, 15, 16), alive(true, 17, 18)],
          kinds: ["came back"],
        },
        "there before anybody asked for it": {
          history: [alive(true, 1, 2), grant(100, 3, 4)],
          kinds: ["never granted"],
        },
      },
    },
    (history) => checkLeases(history, { graceMs: 200 }),
  );

  it("allows for clocks that run faster, by the ratio given", () => {
    const history = [grant(100, 1, 2), alive(false, 9, 10)];
    assert.isFalse(checkLeases(history, { graceMs: null }).ok);
    assert.isTrue(checkLeases(history, { graceMs: null, driftRatio: 0.15 }).ok);
  });
});
