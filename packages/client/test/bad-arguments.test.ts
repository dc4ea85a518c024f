import { compare, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { expect } from "chai";
import { fakeCluster } from "./support/fake-cluster.js";
import { cleanUp, failure } from "./support/help.js";

/** As JavaScript calls it: nothing is typed there. */
type Untyped = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

const CALLS: readonly (readonly [string, (client: Client, untyped: Untyped) => unknown])[] = [
  ["put(1, v)", (_, untyped) => untyped["put"]?.(1, "v")],
  ["put(k)", (_, untyped) => untyped["put"]?.("k")],
  ["get()", (_, untyped) => untyped["get"]?.()],
  ["get(k, { signal: {} })", (_, untyped) => untyped["get"]?.("k", { signal: {} })],
  ["get(k, { timeoutMs: x })", (_, untyped) => untyped["get"]?.("k", { timeoutMs: "x" })],
  ["get(k, { timeoutMs: 0 })", (_, untyped) => untyped["get"]?.("k", { timeoutMs: 0 })],
  ["get(k, { revision: x })", (_, untyped) => untyped["get"]?.("k", { revision: "x" })],
  ["get(k, { consistency: strong })", (_, untyped) => untyped["get"]?.("k", { consistency: "strong" })],
  ["delete({})", (_, untyped) => untyped["delete"]?.({})],
  ["getRange()", (_, untyped) => untyped["getRange"]?.()],
  ["count({ prefix: 1 })", (_, untyped) => untyped["count"]?.({ prefix: 1 })],
  ["watch()", (_, untyped) => untyped["watch"]?.()],
  ["watch(k, { signal: 1 })", (_, untyped) => untyped["watch"]?.("k", { signal: 1 })],
  ["lease()", (_, untyped) => untyped["lease"]?.()],
  ["lease({ ttlSeconds: -1 })", (_, untyped) => untyped["lease"]?.({ ttlSeconds: -1 })],
  ["lease({ onLost: 1 })", (_, untyped) => untyped["lease"]?.({ ttlSeconds: 1, onLost: 1 })],
  ["attachLease(x)", (_, untyped) => untyped["attachLease"]?.("x")],
  ["lock()", (_, untyped) => untyped["lock"]?.()],
  ["lock('')", (_, untyped) => untyped["lock"]?.("")],
  ["lock(x, { signal: 1 })", (_, untyped) => untyped["lock"]?.("x", { signal: 1 })],
  ["compact(-1)", (_, untyped) => untyped["compact"]?.(-1)],
  [
    "txn().if(x)",
    (client) =>
      client
        .txn()
        .if("x" as never)
        .commit(),
  ],
  [
    "txn().then(undefined)",
    (client) =>
      client
        .txn()
        .then(undefined as never)
        .commit(),
  ],
  ["compare(k).version.equals(x)", () => compare("k").version.equals("x" as never)],
  ["appender({ defaultCallback: 1 })", (_, untyped) => untyped["appender"]?.({ defaultCallback: 1 })],
  ["append()", (client) => client.appender().append(undefined as never)],
  ["append([undefined])", (client) => client.appender().append([undefined as never])],
  ["append([…], 1)", (client) => client.appender().append([put("a", "1")], 1 as never)],
  [
    "append([…], f, { signal: 1 })",
    (client) => client.appender().append([put("a", "1")], () => {}, { signal: 1 as never }),
  ],
  ["members.list({ consistency: x })", (client) => client.members.list({ consistency: "x" as never })],
];

describe("arguments that are none", () => {
  afterEach(cleanUp);

  it("are refused with INVALID_ARGUMENT, whatever the call, and nothing is sent", async () => {
    const { connect, leader } = await fakeCluster();
    const client = await connect();
    for (const [name, call] of CALLS) {
      const error = await failure(
        (async () => call(client, client as unknown as Untyped))(),
        "INVALID_ARGUMENT",
      );
      expect(error.message, name)
        .to.be.a("string")
        .and.not.match(/undefined is not|Cannot read/);
    }
    expect(leader.requests).to.deep.equal([]);
  });
});
