import {
  DEFAULT_LIMITS,
  EVERYTHING,
  Op,
  TTL_MS_MAX,
  catalogChangeRequest,
  catalogChangeReply,
  catalogReply,
  catalogRequest,
  compactReply,
  compactRequest,
  decodeClientFrame,
  decodeNodeFrame,
  deleteRangeRequest,
  deleteReply,
  encodeReplies,
  encodeRequests,
  isSingleKey,
  leaseGrantReply,
  leaseGrantRequest,
  leaseKeepAliveReply,
  leaseKeepAliveRequest,
  leaseListReply,
  leaseListRequest,
  leaseRevokeReply,
  leaseRevokeRequest,
  leaseTimeToLiveReply,
  leaseTimeToLiveRequest,
  prefixRange,
  putReply,
  putRequest,
  getRequest,
  rangeReply,
  rangeRequest,
  replyBytes,
  requestBytes,
  sessionCloseReply,
  sessionCloseRequest,
  sessionKeepAliveReply,
  sessionKeepAliveRequest,
  sessionOpenReply,
  sessionOpenRequest,
  singleKey,
  leaderLeasesSetReply,
  leaderLeasesSetRequest,
  leaderLeasesShowReply,
  leaderLeasesShowRequest,
  leaderTransferReply,
  leaderTransferRequest,
  memberChangeReply,
  memberChangeRequest,
  memberListReply,
  memberListRequest,
  watchCancelReply,
  watchCancelRequest,
  watchReply,
  watchRequest,
} from "@raftkv/protocol";
import type { KeyValue, MemberInfo, MembersChange, WireReply, WireRequest } from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });
const [a, b] = [Buffer.from("a"), Buffer.from("b")];
const limits = { ...DEFAULT_LIMITS, keyBytes: 10, valueBytes: 20, operationsInTxn: 3, frameRequests: 8 };
const head = { requestId: 7, deadlineMs: 9 };
const kv: KeyValue = { key: a, value: b, createRevision: 1, modRevision: 2, version: 2, lease: 2 ** 40 };

const peer = "127.0.0.1:7501";
const changes: MembersChange[] = [
  { kind: "add", name: "n4", peer, witness: true, learnerOnly: false },
  { kind: "promote", name: "n4", force: true },
  { kind: "update", name: "n4", peer: "[::1]:7501" },
  { kind: "remove", name: "n4", serverId: "0123456789abcdef", force: false },
];
const leader = { name: "n2", address: "127.0.0.1:7402", term: 9 };
const unstarted = { name: "n4", serverId: null, peer, client: null, role: "unstarted" } as const;
const members: MemberInfo[] = [
  { ...unstarted, witness: true, willVote: true, leader: false, alive: null, lag: null },
  {
    ...unstarted,
    serverId: "01",
    role: "voter",
    witness: false,
    willVote: false,
    leader: true,
    alive: true,
    lag: 7,
  },
];

/** One request of every kind that is neither put nor get, with what the node makes of it. */
const requests: Record<string, [WireRequest, object]> = {
  "put with lease and previous value": [
    putRequest(7, 9, a, b, 2 ** 40, true),
    { op: Op.put, key: a, value: b, lease: 2 ** 40, wantPrevious: true },
  ],
  "get of a revision": [
    getRequest(7, 9, a, false, 5),
    { op: Op.get, key: a, linearizable: false, revision: 5 },
  ],
  "delete of one key": [
    deleteRangeRequest(7, 9, singleKey(a), true),
    { op: Op.delete, range: { start: a, end: Buffer.from("a\0") }, wantPrevious: true },
  ],
  "delete of a range": [
    deleteRangeRequest(7, 9, { start: a, end: b }),
    { op: Op.delete, range: { start: a, end: b }, wantPrevious: false },
  ],
  "delete of all behind": [
    deleteRangeRequest(7, 9, { start: a, end: null }),
    { op: Op.delete, range: { start: a, end: null }, wantPrevious: false },
  ],
  range: [
    rangeRequest(7, 9, {
      range: { start: a, end: b },
      linearizable: false,
      revision: 2 ** 40,
      limit: 5,
      order: "descending",
      keysOnly: true,
      countOnly: false,
      minModRevision: 1,
      maxModRevision: 2,
      minCreateRevision: 3,
      maxCreateRevision: 4,
    }),
    {
      op: Op.range,
      range: { start: a, end: b },
      linearizable: false,
      revision: 2 ** 40,
      limit: 5,
      order: "descending",
      keysOnly: true,
      countOnly: false,
      minModRevision: 1,
      maxModRevision: 2,
      minCreateRevision: 3,
      maxCreateRevision: 4,
    },
  ],
  "count of everything": [
    rangeRequest(7, 9, {
      ...EVERYTHING,
      range: { start: Buffer.alloc(0), end: null },
      linearizable: true,
      revision: 0,
      countOnly: true,
    }),
    {
      op: Op.range,
      ...EVERYTHING,
      range: { start: Buffer.alloc(0), end: null },
      linearizable: true,
      revision: 0,
      countOnly: true,
    },
  ],
  leaseGrant: [leaseGrantRequest(7, 9, TTL_MS_MAX), { op: Op.leaseGrant, ttlMs: TTL_MS_MAX }],
  leaseRevoke: [leaseRevokeRequest(7, 9, 5), { op: Op.leaseRevoke, lease: 5 }],
  leaseKeepAlive: [leaseKeepAliveRequest(7, 9, [5, 6]), { op: Op.leaseKeepAlive, leases: [5, 6] }],
  leaseTimeToLive: [
    leaseTimeToLiveRequest(7, 9, 5, true),
    { op: Op.leaseTimeToLive, lease: 5, withKeys: true },
  ],
  leaseList: [leaseListRequest(7, 9), { op: Op.leaseList }],
  sessionOpen: [sessionOpenRequest(7, 9, 60_000), { op: Op.sessionOpen, ttlMs: 60_000 }],
  sessionClose: [sessionCloseRequest(7, 9), { op: Op.sessionClose }],
  sessionKeepAlive: [sessionKeepAliveRequest(7, 9), { op: Op.sessionKeepAlive }],
  compact: [compactRequest(7, 9, 5), { op: Op.compact, revision: 5 }],
  catalog: [catalogRequest(7, 9), { op: Op.catalog }],
  catalogChange: [
    catalogChangeRequest(7, 9, 3, [{ routeId: 0, start: a, end: null, groupId: 1 }]),
    {
      op: Op.catalogChange,
      expectedVersion: 3,
      routes: [{ routeId: 0, start: a, end: null, groupId: 1 }],
    },
  ],
  watch: [
    watchRequest(7, 9, {
      watchId: 0,
      range: { start: a, end: b },
      fromRevision: 12,
      wantPrevious: true,
      noPut: false,
      noDelete: true,
      progress: true,
    }),
    {
      op: Op.watch,
      watchId: 0,
      range: { start: a, end: b },
      fromRevision: 12,
      wantPrevious: true,
      noPut: false,
      noDelete: true,
      progress: true,
    },
  ],
  watchCancel: [watchCancelRequest(7, 9, 3), { op: Op.watchCancel, watchId: 3 }],
  memberList: [memberListRequest(7, 9, false), { op: Op.memberList, linearizable: false }],
  ...Object.fromEntries(
    changes.map((change) => [
      change.kind,
      [memberChangeRequest(7, 9, change), { op: Op.memberChange, change }],
    ]),
  ),
  leaderTransfer: [leaderTransferRequest(7, 9, "n2"), { op: Op.leaderTransfer, to: "n2" }],
  "leaderTransfer to anybody": [leaderTransferRequest(7, 9, null), { op: Op.leaderTransfer, to: null }],
  leaderLeasesShow: [leaderLeasesShowRequest(7, 9), { op: Op.leaderLeasesShow }],
  "leaderLeasesSet on": [leaderLeasesSetRequest(7, 9, 25), { op: Op.leaderLeasesSet, marginPercent: 25 }],
  "leaderLeasesSet off": [
    leaderLeasesSetRequest(7, 9, null),
    { op: Op.leaderLeasesSet, marginPercent: null },
  ],
};

const leases = { settings: { electionTimeoutMs: 1_000, marginPercent: 25 }, remainingMs: 700 };
const noLeases = { settings: null, remainingMs: 0 };

const replies: Record<string, [WireReply, object]> = {
  "put with the previous value": [putReply(7, 5, kv), { op: Op.put, revision: 5, previous: kv }],
  "put where nothing was before": [putReply(7, 5, null), { op: Op.put, revision: 5, previous: null }],
  "delete with previous values": [
    deleteReply(7, 5, 1, [kv]),
    { op: Op.delete, revision: 5, deleted: 1, previous: [kv] },
  ],
  range: [
    rangeReply(7, 5, { entries: [kv, kv], more: true, count: null }),
    { op: Op.range, revision: 5, entries: [kv, kv], more: true, count: null },
  ],
  "range of nothing": [
    rangeReply(7, 5, { entries: [], more: false, count: 0 }),
    { op: Op.range, revision: 5, entries: [], more: false, count: 0 },
  ],
  leaseGrant: [leaseGrantReply(7, 5, 6), { op: Op.leaseGrant, lease: 5, ttlMs: 6 }],
  leaseRevoke: [leaseRevokeReply(7, 5, 2), { op: Op.leaseRevoke, revision: 5, deleted: 2 }],
  leaseKeepAlive: [leaseKeepAliveReply(7, [5, 0]), { op: Op.leaseKeepAlive, ttlsMs: [5, 0] }],
  leaseTimeToLive: [
    leaseTimeToLiveReply(7, { ttlMs: 5, remainingMs: 4 }, [a]),
    { op: Op.leaseTimeToLive, ttlMs: 5, remainingMs: 4, keys: [a] },
  ],
  leaseList: [
    leaseListReply(7, [{ lease: 1, ttlMs: 2, remainingMs: 3 }]),
    { op: Op.leaseList, leases: [{ lease: 1, ttlMs: 2, remainingMs: 3 }] },
  ],
  sessionOpen: [sessionOpenReply(7, 5, 6), { op: Op.sessionOpen, session: 5, ttlMs: 6 }],
  sessionClose: [sessionCloseReply(7), { op: Op.sessionClose }],
  sessionKeepAlive: [sessionKeepAliveReply(7, 6), { op: Op.sessionKeepAlive, ttlMs: 6 }],
  compact: [compactReply(7, 5), { op: Op.compact, floor: 5 }],
  catalog: [
    catalogReply(7, 3, [{ routeId: 1, start: a, end: b, groupId: 1, version: 2 }]),
    { op: Op.catalog, version: 3, routes: [{ routeId: 1, start: a, end: b, groupId: 1, version: 2 }] },
  ],
  catalogChange: [catalogChangeReply(7, 4), { op: Op.catalogChange, version: 4 }],
  watch: [watchReply(7, 5), { op: Op.watch, revision: 5 }],
  watchCancel: [watchCancelReply(7), { op: Op.watchCancel }],
  memberList: [memberListReply(7, members), { op: Op.memberList, members }],
  memberChange: [memberChangeReply(7, members), { op: Op.memberChange, members }],
  leaderTransfer: [leaderTransferReply(7, leader), { op: Op.leaderTransfer, leader }],
  leaderLeasesShow: [leaderLeasesShowReply(7, leases), { op: Op.leaderLeasesShow, leases }],
  "leaderLeasesSet off": [leaderLeasesSetReply(7, noLeases), { op: Op.leaderLeasesSet, leases: noLeases }],
};

function hasName(wire: WireRequest, at: number): boolean {
  return at === (wire[1] === Op.memberChange ? 4 : wire[1] === Op.leaderTransfer ? 3 : -1);
}

describe("every operation", () => {
  for (const [what, [wire, wanted]] of Object.entries(requests)) {
    it(`request: ${what}`, () => {
      const bytes = encodeRequests([wire]);
      expect(bytes.length).to.be.lessThanOrEqual(requestBytes(wire));
      const decoded = decodeClientFrame(bytes, limits);
      expect(decoded.refused).to.deep.equal([]);
      expect(decoded.requests).to.deep.equal([{ ...head, ...wanted }]);
    });

    it(`request: ${what}, with a field too many or too few, is refused by itself (C6)`, () => {
      for (const wrong of [[...wire, 0], wire.slice(0, -1)]) {
        const decoded = decodeClientFrame(packr.pack([1, null, [wrong]]), limits);
        expect(decoded.requests).to.deep.equal([]);
        expect(decoded.refused[0]).to.include({ requestId: 7, code: "INVALID_ARGUMENT" });
      }
    });

    it(`request: ${what}, with any field of another type, is refused by itself or means the same (C6)`, () => {
      for (let at = 3; at < wire.length; at += 1) {
        for (const wrong of ["x", -1, 1.5, [[]], 2 ** 53]) {
          // A text for a text is no other type; of the members' names "x" is one.
          if (typeof wrong === "string" && hasName(wire, at)) continue;
          const frame = packr.pack([1, null, [wire.with(at, wrong)]]);
          const decoded = decodeClientFrame(frame, limits);
          expect(decoded.requests, `field ${at} is ${String(wrong)}`).to.deep.equal([]);
          expect(decoded.refused[0]?.code).to.equal("INVALID_ARGUMENT");
        }
      }
    });
  }

  for (const [what, [wire, wanted]] of Object.entries(replies)) {
    it(`reply: ${what}`, () => {
      const [bytes] = encodeReplies([wire], 100_000);
      expect(bytes!.length).to.be.lessThanOrEqual(replyBytes(wire));
      expect(decodeNodeFrame(bytes!)).to.deep.equal({
        kind: "replies",
        replies: [{ requestId: 7, ...wanted }],
      });
    });

    it(`reply: ${what}, cut short or too long, cuts the connection (C6)`, () => {
      for (const wrong of [[...wire, 0, 0], wire.slice(0, -1)]) {
        // A put's reply without its last field is a whole one without a previous value.
        if (wire[1] === Op.put && wrong.length === 3) continue;
        expect(() => decodeNodeFrame(packr.pack([1, [wrong]]))).to.throw();
      }
    });
  }
});

describe("ranges", () => {
  it("of one key are known as such", () => {
    for (const key of [a, Buffer.alloc(0), Buffer.from([255]), Buffer.from([0, 0])]) {
      expect(isSingleKey(singleKey(key))).to.equal(true);
    }
    for (const [start, end] of [
      [a, b],
      [a, Buffer.from("a\x01")],
      [a, Buffer.from("b\0")],
      [a, null],
      [a, Buffer.from("a\0\0")],
    ] as const) {
      expect(isSingleKey({ start, end })).to.equal(false);
    }
  });

  it("of a prefix end behind the last key that begins with it", () => {
    expect(prefixRange(Buffer.from("user/")).end).to.deep.equal(Buffer.from("user0"));
    expect(prefixRange(Buffer.from([1, 255, 255])).end).to.deep.equal(Buffer.from([2]));
    expect(prefixRange(Buffer.from([255, 255])).end).to.equal(null);
    expect(prefixRange(Buffer.alloc(0)).end).to.equal(null);
    const prefix = Buffer.from("a\xff", "latin1");
    prefixRange(prefix);
    expect(prefix).to.deep.equal(Buffer.from([0x61, 0xff]));
  });
});

describe("what is refused by itself (C6, C7)", () => {
  const cases: Record<string, [unknown[], string, string]> = {
    "an end before the start": [[7, 3, 0, b, a, 0], "INVALID_ARGUMENT", "ends at or before"],
    "an end that is the start": [[7, 3, 0, a, a, 0], "INVALID_ARGUMENT", "ends at or before"],
    "an end that is too long": [[7, 3, 0, a, Buffer.alloc(11, 99), 0], "TOO_LARGE", "11 bytes"],
    "an end of false": [[7, 3, 0, a, false, 0], "INVALID_ARGUMENT", "bytes, nil or true"],
    "an order of 2": [[7, 4, 0, a, b, 0, 0, 0, 2, 0, 0, 0, 0, 0], "INVALID_ARGUMENT", "the order"],
    "range flags of 4": [[7, 4, 0, a, b, 0, 0, 0, 0, 4, 0, 0, 0, 0], "INVALID_ARGUMENT", "the flags"],
    "a lease of no time": [[7, 6, 0, 0], "INVALID_ARGUMENT", "the time to live"],
    "a lease of eleven years": [[7, 6, 0, TTL_MS_MAX + 1], "INVALID_ARGUMENT", "the time to live"],
    "a session of no time": [[7, 11, 0, 0], "INVALID_ARGUMENT", "the time to live"],
    "the revoking of lease 0": [[7, 7, 0, 0], "INVALID_ARGUMENT", "the lease is 0"],
    "a keep-alive of too many leases": [[7, 8, 0, [1, 2, 3, 4]], "TOO_LARGE", "4 leases"],
    "a keep-alive of lease 0": [[7, 8, 0, [0]], "INVALID_ARGUMENT", "a lease is 0"],
    "a compaction to revision 0": [[7, 14, 0, 0], "INVALID_ARGUMENT", "the revision is 0"],
    "a route of group 0": [[7, 16, 0, 1, [[1, a, null, 0]]], "INVALID_ARGUMENT", "a route's group"],
    "a route of three fields": [[7, 16, 0, 1, [[1, a, null]]], "INVALID_ARGUMENT", "a route is"],
    "a watch of nothing": [[7, 17, 0, 1, a, null, 0, 6], "INVALID_ARGUMENT", "sees nothing"],
    "watch flags of 16": [[7, 17, 0, 1, a, null, 0, 16], "INVALID_ARGUMENT", "the flags"],
  };
  for (const [what, [request, code, message]] of Object.entries(cases)) {
    it(what, () => {
      const decoded = decodeClientFrame(packr.pack([1, null, [request]]), limits);
      expect(decoded.requests).to.deep.equal([]);
      expect(decoded.refused[0]).to.include({ requestId: 7, code });
      expect(decoded.refused[0]?.message).to.include(message);
      expect(decoded.refused[0]?.limit === null).to.equal(code === "INVALID_ARGUMENT");
    });
  }
});
