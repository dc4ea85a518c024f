import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { NodeProcesses } from "./harness/node-processes.js";
import { until } from "./harness/until.js";
import { cutBy } from "./hostile/check.js";
import { GoodClient } from "./hostile/good-client.js";
import { misbehaviours } from "./hostile/misbehaviours.js";
import { CUT_BY_NODE } from "./hostile/misbehaviour.js";
import type { Misbehaviour } from "./hostile/misbehaviour.js";
import { Scene } from "./hostile/scene.js";

const CROWD = 60;
const CONNECTIONS_MAX = 500;
const SECONDS = 4;
/** Together, and each of them a part. */
const CORE_SHARE = 0.5;

/** Small enough for few to be too many, and for what takes time to be over in seconds. */
const ENV = {
  RAFTKV_MAX_CONNECTIONS: String(CONNECTIONS_MAX),
  RAFTKV_HANDSHAKE_TIMEOUT_MS: "1000",
  RAFTKV_CLIENT_SILENCE_MS: "1500",
  RAFTKV_MAX_PARTIAL_BYTES: "64MiB",
  RAFTKV_LOG_REPEAT_MS: "500",
};

describe("clients that misbehave (C5, C6, C7)", function () {
  this.timeout(120_000);
  let nodes: NodeProcesses;
  let good: GoodClient;
  let leader: string;
  const logOf = (name: string): string => join(nodes.dir, `${name}.log`);

  before(async () => {
    nodes = await NodeProcesses.prepare({ nodes: 3, env: ENV, logOf });
    for (const name of nodes.names) nodes.spawn(name);
    leader = (await nodes.leader()).name;
    good = await GoodClient.connect(nodes.endpoints);
  });
  after(async () => {
    await good?.close();
    await nodes?.stop();
  });

  async function act(misbehaviour: Misbehaviour): Promise<Record<string, number>> {
    const [host = "", port = ""] = nodes.endpoint(leader).split(":");
    const scene = new Scene({
      target: { host, port: Number(port) },
      seconds: SECONDS,
      coreShare: CORE_SHARE,
      until: misbehaviour.mustSee.filter((end) => end !== CUT_BY_NODE),
    });
    await misbehaviour.run(scene);
    return scene.ends;
  }

  async function judge(all: readonly Misbehaviour[]): Promise<void> {
    good.take();
    const cutBefore = await cutBy(nodes.endpoint(leader));
    const ends = await Promise.all(all.map(act));
    const cut = (await cutBy(nodes.endpoint(leader))) - cutBefore;
    for (const one of ends) if (cut > 0) one[CUT_BY_NODE] = cut;
    for (const [at, { mustSee, name }] of all.entries()) {
      for (const end of mustSee) expect(ends[at], name).to.have.property(end);
    }
    for (const { logLine, name } of all) {
      if (logLine === null) continue;
      await until(`a log line of ${name}`, async () =>
        logLine.test(readFileSync(logOf(leader), "utf8")) ? true : null,
      );
    }
    await until("the good client is served", async () => (good.take().length > 0 ? true : null));
    expect(good.errors).to.deep.equal([]);
    expect(nodes.names.filter((name) => nodes.hasEnded(name))).to.deep.equal([]);
  }

  it("all at once are answered or cut, with a log line each, while a good one is served", async () => {
    await judge(misbehaviours(CROWD).filter(({ name }) => name !== "too many connections"));
  });

  it("more of them than there is room for are refused", async () => {
    await judge(misbehaviours(CONNECTIONS_MAX + 50).filter(({ name }) => name === "too many connections"));
  });
});
