import { expect } from "chai";
import type { Store } from "@raftkv/store";
import { groupId, logIndex, serverId } from "raft-ts";
import type { Configuration, ServerId } from "raft-ts";
import type { ReplicaDiffersError } from "../dist/errors.js";
import { HashChecks } from "../dist/group/hash-checks.js";
import { createLogger } from "../dist/logger.js";
import { until } from "./support/nodes.js";

const [A, B, C] = [serverId("a"), serverId("b"), serverId("c")];
const OWN = "1".repeat(64);
const OTHER = "2".repeat(64);

describe("a replica that is compared with others (promise 4)", () => {
  let members: ServerId[];
  let sent: number;
  let differs: ReplicaDiffersError[];
  let checks: HashChecks;

  beforeEach(() => {
    members = [A, B, C];
    sent = 0;
    differs = [];
    const configuration = (): Configuration => ({
      voters: members,
      outgoing: [],
      learners: [],
      witnesses: [],
      autoLeave: false,
      lease: null,
    });
    checks = new HashChecks({
      group: groupId(1),
      self: A,
      version: "1.2.3",
      store: () => ({ hashSlowly: async () => OWN }) as unknown as Store,
      configuration,
      nameOf: String,
      intervalMs: 0,
      percent: 100,
      send: () => (sent += 1),
      logger: createLogger("silent", "a", () => ({ group: groupId(1), term: 1 })),
      onDiffers: (error) => differs.push(error),
      onFailed: (error) => {
        throw error;
      },
    });
  });
  afterEach(() => checks.stop());

  async function hashed(): Promise<void> {
    checks.begin({ index: 7, revision: 3, floor: 0, state: () => [] });
    await until("it has a hash", async () => (sent > 0 ? true : null));
  }

  function tell(from: ServerId, version: string): void {
    const facts = { group: groupId(1), index: logIndex(7), hash: OTHER, asks: false, version };
    checks.received(from, { kind: "stateHash", ...facts });
  }

  it("is not judged by what members of another version say: they may write the same state in other bytes", async () => {
    await hashed();
    for (const peer of [B, C]) tell(peer, "1.3.0");
    expect(differs).to.deep.equal([]);
    expect(checks.state.alarm).to.equal(null);
    for (const peer of [B, C]) tell(peer, "1.2.3");
    expect(differs.length).to.equal(1);
  });

  it("has no alarm any more once nobody is left to differ from", async () => {
    members = [A, B];
    await hashed();
    tell(B, "1.2.3");
    expect(checks.state.alarm).to.contain("no majority");
    members = [A];
    expect(checks.state.alarm).to.equal(null);
  });
});
