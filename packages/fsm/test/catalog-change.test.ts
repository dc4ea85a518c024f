import { expect } from "chai";
import { FIRST_CATALOG, rangeOfKey } from "@raftkv/fsm";
import type { Command, RouteChange } from "@raftkv/fsm";
import { TestLog } from "./support/log.js";
import { bytes, del, delRange, entries, get, put, removeDirectories, txn } from "./support/machine.js";

const change = (expectedVersion: number, routes: readonly RouteChange[]): Command => ({
  kind: "catalogChange",
  expectedVersion,
  routes,
});
const route = (routeId: number, start: string, end: string | null, groupId: number): RouteChange => ({
  routeId,
  start: bytes(start),
  end: end === null ? null : bytes(end),
  groupId,
});

describe("A change of the catalog", () => {
  let log: TestLog;

  beforeEach(async () => {
    log = await TestLog.open();
  });
  afterEach(async () => {
    await log.close();
    await removeDirectories();
  });

  it("of two at once that expect one version exactly one wins, in one advance or in two", async () => {
    const split = (at: string): Command => change(1, [route(1, "", at, 1), route(0, at, null, 1)]);
    const conflict = { kind: "refused", code: "CATALOG_VERSION_CONFLICT", facts: { version: 2 } };
    expect(await log.machine.apply(entries(1, [split("m"), split("n")]))).to.deep.equal([
      { kind: "catalogChange", version: 2 },
      conflict,
    ]);
    expect(await log.apply(split("o"))).to.deep.equal(conflict);
    expect(log.machine.catalog.routes.map(({ start }) => Buffer.from(start).toString())).to.deep.equal([
      "",
      "m",
    ]);
  });

  it("raises the version of what changed, gives new routes the next ids, and survives a restart", async () => {
    await log.apply(change(1, [route(1, "", "m", 1), route(0, "m", null, 1)]));
    await log.apply(change(2, [route(1, "", "m", 1), route(0, "m", "t", 2), route(2, "t", null, 1)]));
    const expected = {
      version: 3,
      nextRouteId: 4,
      routes: [
        { routeId: 1, start: bytes(""), end: bytes("m"), groupId: 1, version: 2 },
        { routeId: 3, start: bytes("m"), end: bytes("t"), groupId: 2, version: 1 },
        { routeId: 2, start: bytes("t"), end: null, groupId: 1, version: 2 },
      ],
    };
    const shown = (): unknown => ({
      ...log.machine.catalog,
      routes: log.machine.catalog.routes.map((one) => ({
        ...one,
        start: Buffer.from(one.start),
        end: one.end === null ? null : Buffer.from(one.end),
      })),
    });
    expect(shown()).to.deep.equal(expected);
    await log.restart();
    expect(shown()).to.deep.equal(expected);
    expect(log.store.revision, "it takes no revision").to.equal(1);
  });

  it("that leaves keys without a route, or gives one two, or names none that there is, is refused", async () => {
    const refused = [
      [],
      [route(1, "a", null, 1)],
      [route(1, "", "m", 1)],
      [route(1, "", "m", 1), route(0, "n", null, 1)],
      [route(1, "", "m", 1), route(0, "l", null, 1)],
      [route(1, "", null, 1), route(0, "l", null, 1)],
      [route(1, "", "", 1), route(0, "", null, 1)],
      [route(1, "", "m", 1), route(1, "m", null, 1)],
      [route(1, "", null, 0)],
    ];
    for (const routes of refused) {
      expect(await log.apply(change(1, routes))).to.deep.include({ code: "INVALID_ARGUMENT", facts: {} });
    }
    expect(await log.apply(change(1, [route(9, "", null, 1)]))).to.deep.include({
      code: "INVALID_ARGUMENT",
      facts: { routeId: 9 },
    });
    expect(log.machine.catalog).to.deep.equal(FIRST_CATALOG);
  });

  it("a key that belongs to another group is refused at apply, in every command that names it", async () => {
    const before = await log.apply(put("x", "v"));
    expect(before).to.have.property("kind", "put");
    await log.apply(change(1, [route(1, "", "m", 1), route(0, "m", null, 2)]));
    const wrong = { kind: "refused", code: "WRONG_ROUTE", facts: { catalogVersion: 2, group: 2 } };
    const never = {
      range: rangeOfKey(bytes("x")),
      target: "version",
      relation: "=",
      operand: 9,
    } as const;
    const commands: Command[] = [
      put("x", "v"),
      put("m", "v"),
      del("x"),
      delRange("a", "n"),
      delRange("a", null),
      txn([never], []),
      txn([], [], [put("x", "v")]),
      txn([], [put("a", "v"), txn([], [get("l", "n")])]),
      txn([], [delRange("z", null)]),
    ];
    for (const command of commands) expect(await log.apply(command)).to.deep.equal(wrong);
    for (const command of [
      put("l\xff", "v"),
      delRange("a", "m"),
      delRange("z", "b"),
      txn([], [get("a", "m")]),
    ]) {
      expect(await log.apply(command))
        .to.have.property("kind")
        .that.does.not.equal("refused");
    }
  });
});
