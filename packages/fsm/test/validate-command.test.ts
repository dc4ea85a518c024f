import { expect } from "chai";
import {
  CommandTooLargeError,
  DEFAULT_COMMAND_LIMITS,
  InvalidCommandError,
  rangeOfKey,
  validateCommand,
} from "@raftkv/fsm";
import type { Command, CommandLimits, Op } from "@raftkv/fsm";
import { bytes, del, delRange, get, put, txn } from "./support/machine.js";

const LIMITS: CommandLimits = {
  keyBytesMax: 4,
  valueBytesMax: 6,
  operationsMax: 4,
  nestingMax: 2,
  leasesMax: 2,
  routesMax: 2,
  ttlMsMin: 10,
  ttlMsMax: 100,
};
const validate = (command: Command): void => validateCommand(command, LIMITS);
const route = (start: string, end: string | null) => ({
  routeId: 0,
  start: bytes(start),
  end: end === null ? null : bytes(end),
  groupId: 1,
});
const compareValue = (operand: string) =>
  ({ range: rangeOfKey(bytes("k")), target: "value", relation: "=", operand: bytes(operand) }) as const;

describe("A command is judged before it is proposed", () => {
  it("passes at every limit", () => {
    const commands: Command[] = [
      put("keyy", "valuee"),
      put("", ""),
      del("keyy"),
      delRange("keyy", "kezz\x00"),
      delRange("z", "a"),
      txn([compareValue("valuee")], [put("keyy", "valuee"), txn([], [get("keyy")], [del("x")])]),
      { kind: "leaseGrant", ttlMs: 10 },
      { kind: "sessionOpen", ttlMs: 100 },
      { kind: "leaseKeepAlive", leases: [1, 2] },
      { kind: "leaseRevoke", lease: 0 },
      { kind: "catalogChange", expectedVersion: 0, routes: [route("", "m"), route("m", null)] },
      { kind: "settingsChange", settings: { leasesMax: 1 } },
      { kind: "sessionKeepAlive" },
      { kind: "sessionClose" },
      { kind: "compact", revision: 0 },
      { kind: "clock" },
    ];
    for (const command of commands) expect(() => validate(command), command.kind).not.to.throw();
  });

  it("is refused one above a limit, naming it", () => {
    const routes = [route("", "b"), route("b", "c"), route("c", null)];
    const refused: [Command, keyof CommandLimits, number][] = [
      [put("keyyy", ""), "keyBytesMax", 5],
      [put("k", "valueee"), "valueBytesMax", 7],
      [del("keyyy"), "keyBytesMax", 5],
      [delRange("keyyy", null), "keyBytesMax", 5],
      [delRange("k", "keyyyy"), "keyBytesMax", 6],
      [txn([compareValue("valueee")], []), "valueBytesMax", 7],
      [txn([{ ...compareValue(""), range: rangeOfKey(bytes("keyyy")) }], []), "keyBytesMax", 5],
      [txn([], [put("keyyy", "")]), "keyBytesMax", 5],
      [txn([], [], [put("k", "valueee")]), "valueBytesMax", 7],
      [txn([], [txn([], [get("keyyy")])]), "keyBytesMax", 5],
      [txn([], [get("a"), get("b"), get("c")], [get("d"), get("e")]), "operationsMax", 5],
      [txn([], [get("a"), txn([], [get("b"), get("c")], [get("d")])]), "operationsMax", 5],
      [
        txn(
          [1, 2, 3, 4, 5].map(() => compareValue("")),
          [],
        ),
        "operationsMax",
        5,
      ],
      [txn([], [txn([], [txn([], [])])]), "nestingMax", 3],
      [{ kind: "leaseKeepAlive", leases: [1, 2, 3] }, "leasesMax", 3],
      [{ kind: "catalogChange", expectedVersion: 1, routes }, "routesMax", 3],
    ];
    for (const [command, limit, found] of refused) {
      expect(() => validate(command))
        .to.throw(CommandTooLargeError, limit)
        .that.includes({ code: "TOO_LARGE", limit, found, max: LIMITS[limit] });
    }
  });

  it("is refused when it makes no sense", () => {
    const refused: [Command, RegExp][] = [
      [{ kind: "leaseGrant", ttlMs: 9 }, /a time to live of 9 ms: allowed are 10 .* to 100/],
      [{ kind: "leaseGrant", ttlMs: 101 }, /101 ms/],
      [{ kind: "sessionOpen", ttlMs: Number.NaN }, /NaN ms/],
      [{ kind: "sessionOpen", ttlMs: 10.5 }, /10\.5 ms/],
      [{ kind: "settingsChange", settings: { leasesMax: 0 } }, /leasesMax is 0: a whole number from 1/],
      [{ kind: "settingsChange", settings: { leasesMax: 1.5 } }, /leasesMax is 1\.5/],
      [{ kind: "catalogChange", expectedVersion: 1, routes: [] }, /the last route has an end/],
      [{ kind: "catalogChange", expectedVersion: 1, routes: [route("a", null)] }, /begins elsewhere/],
    ];
    for (const [command, message] of refused) {
      expect(() => validate(command))
        .to.throw(InvalidCommandError, message)
        .with.property("code", "INVALID_ARGUMENT");
    }
  });

  it("as in etcd, no key is put twice on a way through the branches, nor put and deleted", () => {
    const duplicate: Op[][] = [
      [put("k", "1"), put("k", "2")],
      [put("k", "1"), del("k")],
      [del("k"), put("k", "1")],
      [delRange("a", "z"), put("k", "1")],
      [put("k", "1"), delRange("a", null)],
      [put("k", "1"), txn([], [put("k", "2")])],
      [txn([], [], [put("k", "1")]), put("k", "2")],
      [txn([], [put("k", "1")]), txn([], [put("k", "2")])],
      [txn([], [delRange("k", null)]), put("k", "2")],
      [txn([], [put("k", "1")]), txn([], [], [del("k")])],
    ];
    for (const ops of duplicate) {
      expect(() => validate(txn([], ops))).to.throw(
        InvalidCommandError,
        /the key "k" is put (twice|and deleted)/,
      );
      expect(() => validate(txn([], [], ops))).to.throw(InvalidCommandError);
    }
    const fine: Op[][] = [
      [txn([], [put("k", "1")], [put("k", "2")])],
      [txn([], [put("k", "1")], [del("k")])],
      [put("k", "1"), delRange("a", "k")],
      [put("k", "1"), delRange("z", "a")],
      [del("k"), delRange("a", "z")],
      [put("k", "1"), get("k"), put("k\x00", "1")],
    ];
    for (const ops of fine) expect(() => validate(txn([], ops))).not.to.throw();
    expect(() => validate(txn([], [put("k", "1")], [put("k", "2")]))).not.to.throw();
  });

  it("has limits by default that are those of the documents", () => {
    expect(DEFAULT_COMMAND_LIMITS).to.include({
      keyBytesMax: 65_536,
      valueBytesMax: 1_048_576,
      operationsMax: 1_024,
    });
  });
});
