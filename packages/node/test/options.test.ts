import { expect } from "chai";
import {
  ConfigurationError,
  KNOBS,
  environmentNameOf,
  formatHostPort,
  isLoopback,
  isWildcard,
  parseHostPort,
  parseNodeOptions,
} from "@raftkv/node";
import type { KnobName, NodeOptions, RawNodeOptions } from "@raftkv/node";
import { MEMBERS_MAX } from "@raftkv/protocol";

const RAW: RawNodeOptions = {
  name: "n1",
  dataDir: "/tmp/raftkv-n1",
  init: true,
  listenClient: "127.0.0.1:7401",
  listenPeer: "127.0.0.1:7501",
  initialCluster: "n1=127.0.0.1:7501,n2=127.0.0.1:7502,n3=127.0.0.1:7503",
};

/** n1 … */
const members = (count: number): string =>
  Array.from({ length: count }, (_, at) => `n${at + 1}=127.0.0.1:${7501 + at}`).join(",");

function parse(change: RawNodeOptions = {}, env: Record<string, string> = {}): NodeOptions {
  return parseNodeOptions({ ...RAW, ...change }, env);
}

function failureOf(change: RawNodeOptions, env: Record<string, string> = {}): ConfigurationError {
  try {
    parse(change, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("node options", () => {
  it("fill in every default when only what must be said is said", () => {
    const options = parse();
    expect(options).to.include({
      name: "n1",
      dataDir: "/tmp/raftkv-n1",
      start: "init",
      fsmSyncMode: "nosync",
    });
    expect(options).to.include({ insecure: false, logLevel: "info", tickMs: 10, heartbeatMs: 50 });
    expect(options).to.include({
      electionTimeoutMs: 500,
      walSegmentBytes: 16 * 1024 * 1024,
      walSealAfterMs: 100,
    });
    expect(options).to.include({
      appendInflightBytes: 128 * 1024 * 1024,
      maxKeyBytes: 65_536,
      maxValueBytes: 1_048_576,
    });
    expect(options.advertiseClient).to.deep.equal(options.listenClient);
    expect(options.advertisePeer).to.deep.equal({ host: "127.0.0.1", port: 7501 });
    expect(options.initialCluster.map(({ name, port }) => [name, port])).to.deep.equal([
      ["n1", 7501],
      ["n2", 7502],
      ["n3", 7503],
    ]);
  });

  it("make the data directory absolute, since the process may change its own", () => {
    expect(parse({ dataDir: "data/n1" }).dataDir).to.equal(`${process.cwd()}/data/n1`);
  });

  it("take as many members as there may be (C7)", () => {
    expect(parse({ initialCluster: members(MEMBERS_MAX) }).initialCluster.length).to.equal(MEMBERS_MAX);
  });

  for (const required of ["name", "dataDir", "listenClient", "listenPeer", "initialCluster"] as const) {
    it(`name ${required} when it is missing`, () => {
      const failure = failureOf({ [required]: undefined });
      expect(failure.code).to.equal("BAD_CONFIGURATION");
      expect(failure.setting).to.equal(
        `--${required.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      );
      expect(failure.value).to.equal(null);
      expect(failure.message).to.contain("is missing");
    });
  }

  const wrong: readonly (readonly [RawNodeOptions, string, RegExp])[] = [
    [{ name: "" }, "--name", /1 to 64/],
    [{ name: "a b" }, "--name", /letters/],
    [{ name: "x".repeat(65) }, "--name", /1 to 64/],
    [{ dataDir: "" }, "--data-dir", /directory/],
    [{ listenClient: "7401" }, "--listen-client", /HOST:PORT/],
    [{ listenClient: "127.0.0.1:0" }, "--listen-client", /1 to 65535/],
    [{ listenClient: "127.0.0.1:65536" }, "--listen-client", /1 to 65535/],
    [{ listenPeer: "127.0.0.1:7401" }, "--listen-peer", /another address than --listen-client/],
    [{ initialCluster: "n1" }, "--initial-cluster", /NAME=HOST:PORT/],
    [{ initialCluster: "n1=127.0.0.1:7501,n1=127.0.0.1:7502" }, "--initial-cluster", /each name/],
    [{ initialCluster: "n1=127.0.0.1:7501,n2=127.0.0.1:7501" }, "--initial-cluster", /each address once/],
    [{ initialCluster: members(MEMBERS_MAX + 1) }, "--initial-cluster", /at most 32 members/],
    [{ initialCluster: "n2=127.0.0.1:7502" }, "--initial-cluster", /n1=127\.0\.0\.1:7501/],
    [{ initialCluster: "n1=127.0.0.1:7509" }, "--initial-cluster", /n1=127\.0\.0\.1:7501/],
    [{ join: true }, "--join", /without --init/],
    [{ witness: true }, "--witness", /false, as in the entry of n1 .* does not end with \/witness/],
    [
      { initialCluster: "n1=127.0.0.1:7501/witness,n2=127.0.0.1:7502,n3=127.0.0.1:7503" },
      "--witness",
      /true, as in the entry of n1 .* ends with \/witness/,
    ],
    [
      { initialCluster: "n1=127.0.0.1:7501,n2=127.0.0.1:7502/witness" },
      "--initial-cluster",
      /fewer than half/,
    ],
    [{ initialCluster: "n1=127.0.0.1:7501,n2=127.0.0.1:7502/learner" }, "--initial-cluster", /\/witness/],
    [{ logLevel: "loud" }, "--log-level", /trace, debug, info/],
    [{ tickMs: "ten" }, "--tick-ms", /whole number of milliseconds from 1 to 1000/],
    [{ tickMs: "0" }, "--tick-ms", /from 1/],
    [{ tickMs: "1.5" }, "--tick-ms", /whole number/],
    [{ tickMs: "10ms" }, "--tick-ms", /whole number/],
    [{ maxKeyBytes: "64XB" }, "--max-key-bytes", /KiB, MiB and GiB/],
    [{ heartbeatMs: "5" }, "--heartbeat-ms", /at least --tick-ms \(10\)/],
    [{ electionTimeoutMs: "149" }, "--election-timeout-ms", /at least three times --heartbeat-ms \(50\)/],
    [{ maxFrameBytes: "1MiB" }, "--max-frame-bytes", /--max-key-bytes plus --max-value-bytes/],
  ];
  for (const [change, setting, allowed] of wrong) {
    it(`refuse ${JSON.stringify(change)}, naming the flag, the value and what is allowed`, () => {
      const failure = failureOf(change);
      expect(failure.setting).to.equal(setting);
      expect(failure.message).to.match(allowed);
      if (failure.value !== null) expect(failure.message).to.contain(`"${failure.value}"`);
    });
  }

  it("take a flag before its variable, and name the variable when that one is wrong", () => {
    expect(parse({ tickMs: "20" }, { RAFTKV_TICK_MS: "30" }).tickMs).to.equal(20);
    expect(parse({}, { RAFTKV_TICK_MS: "30" }).tickMs).to.equal(30);
    expect(parse({}, { RAFTKV_TICK_MS: " " }).tickMs).to.equal(10);
    expect(failureOf({}, { RAFTKV_TICK_MS: "x" }).setting).to.equal("RAFTKV_TICK_MS");
    expect(failureOf({}, { RAFTKV_HEARTBEAT_MS: "1" }).setting).to.equal("RAFTKV_HEARTBEAT_MS");
    expect(failureOf({ heartbeatMs: "1" }).setting).to.equal("--heartbeat-ms");
    expect(parse({ init: undefined }, { RAFTKV_JOIN: "true" }).start).to.equal("join");
    expect(failureOf({ init: undefined }, { RAFTKV_JOIN: "yes" }).setting).to.equal("RAFTKV_JOIN");
  });

  for (const name of Object.keys(KNOBS) as KnobName[]) {
    it(`take ${environmentNameOf(name)} for ${name}, within its range and not beyond it`, () => {
      const knob = KNOBS[name];
      const below = { [environmentNameOf(name)]: String(knob.min - 1) };
      const above = { [environmentNameOf(name)]: String(knob.max + 1) };
      expect(failureOf({}, below).setting).to.equal(environmentNameOf(name));
      expect(failureOf({}, above).setting).to.equal(environmentNameOf(name));
      expect(parse({}, { [environmentNameOf(name)]: String(knob.default) })[name]).to.equal(knob.default);
    });
  }

  it("take a witness when the flag and the list of members say the same (R24)", () => {
    const initialCluster = "n1=127.0.0.1:7501/witness,n2=127.0.0.1:7502,n3=127.0.0.1:7503";
    const options = parse({ witness: true, initialCluster });
    expect(options.witness).to.equal(true);
    expect(options.initialCluster.map(({ witness }) => witness)).to.deep.equal([true, false, false]);
    expect(parse().witness).to.equal(false);
  });

  it("read sizes with a unit", () => {
    expect(parse({ walSegmentBytes: "16KiB" }).walSegmentBytes).to.equal(16 * 1024);
    expect(parse({ appendInflightBytes: "2gib" }).appendInflightBytes).to.equal(2 * 1024 ** 3);
  });

  it("need no list of members to resume (R25)", () => {
    const options = parse({ init: undefined, initialCluster: undefined });
    expect(options.start).to.equal("resume");
    expect(options.initialCluster).to.deep.equal([]);
  });
});

describe("FSM_SYNC_MODE", () => {
  it("is nosync by default, and read trimmed and without regard to case", () => {
    expect(parse().fsmSyncMode).to.equal("nosync");
    expect(parse({}, { FSM_SYNC_MODE: " NoSync " }).fsmSyncMode).to.equal("nosync");
    expect(parse({}, { FSM_SYNC_MODE: "SYNC" }).fsmSyncMode).to.equal("sync");
    expect(parse({ fsmSyncMode: "sync" }, { FSM_SYNC_MODE: "nosync" }).fsmSyncMode).to.equal("sync");
  });

  it("stops the start when it is neither, naming the two, before anything else is looked at", () => {
    expect(() => parseNodeOptions({}, { FSM_SYNC_MODE: "banana" }))
      .to.throw(/banana.*\bsync\b.*\bnosync\b|\bsync\b.*\bnosync\b.*banana/)
      .with.property("code", "BAD_FSM_SYNC_MODE");
  });
});

describe("listening (C9)", () => {
  for (const address of ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"]) {
    it(`is allowed on ${address}`, () => {
      expect(formatHostPort(parse({ listenClient: address }).listenClient)).to.equal(address);
    });
  }

  for (const address of [
    "0.0.0.0:7401",
    "[::]:7401",
    "10.0.0.1:7401",
    "example.org:7401",
    "127.0.0.1.example.org:7401",
  ]) {
    it(`on ${address} needs --insecure, in so many words`, () => {
      expect(failureOf({ listenClient: address }).message).to.contain("--insecure");
      expect(failureOf({ listenPeer: address }).message).to.contain("--insecure");
      const options = parse({ listenClient: address, advertiseClient: "10.0.0.1:7401", insecure: true });
      expect(formatHostPort(options.listenClient)).to.equal(address);
    });
  }

  it("on every address needs an address that others can be told", () => {
    const failure = failureOf({ listenClient: "0.0.0.0:7401", insecure: true });
    expect(failure.setting).to.equal("--advertise-client");
    expect(failure.message).to.contain("others can connect to");
  });
});

describe("HOST:PORT", () => {
  for (const text of ["127.0.0.1:7401", "[::1]:7401", "localhost:1", "a-b.example.org:65535"]) {
    it(`reads ${text} and writes it again`, () => {
      const address = parseHostPort(text);
      expect(address === null ? null : formatHostPort(address)).to.equal(text);
    });
  }

  const refused = [
    "",
    ":1",
    "a:",
    "a",
    "a:b",
    "a:0",
    "a:65536",
    "a:000001",
    "::1:7401",
    "[::1]",
    "[a]:1",
    "300.1.1.1:1",
    "a b:1",
    "a:1:2",
    "-a:1",
  ];
  for (const text of refused) {
    it(`refuses "${text}"`, () => {
      expect(parseHostPort(text)).to.equal(null);
    });
  }

  it("tells loopback and wildcard addresses", () => {
    expect(["127.0.0.1", "::1", "LOCALHOST"].map(isLoopback)).to.deep.equal([true, true, true]);
    expect(["128.0.0.1", "::2", "localhost.example.org"].map(isLoopback)).to.deep.equal([
      false,
      false,
      false,
    ]);
    expect(["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "127.0.0.1", "::1"].map(isWildcard)).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
