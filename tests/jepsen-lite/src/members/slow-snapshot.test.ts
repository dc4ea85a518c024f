import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { expect } from "chai";
import { metricOf } from "../harness/metric.js";
import { until } from "../harness/until.js";
import { LiveNodes, member } from "./live-nodes.js";

const KEYS = 200;
const VALUE = "v".repeat(1_000);
/** Cut after every hundred entries, down to nothing; a snapshot of all keys takes seconds. */
const SETTINGS = {
  walSegmentBytes: "16KiB",
  checkpointEntries: "100",
  logKeepEntries: "0",
  logKeepBytes: "0",
  logKeepActiveBytes: "0",
  snapshotBytesPerSecond: "64KiB",
};

describe("a log that is cut faster than a snapshot is sent (R23)", function () {
  this.timeout(120_000);
  let nodes: LiveNodes;
  let client: Client;

  beforeEach(async () => {
    nodes = await LiveNodes.start(SETTINGS);
    client = await connect({ endpoints: [nodes.endpoint("n1")] });
  });
  afterEach(async () => {
    await client.close();
    await nodes.close();
  });

  it("keeps what comes behind the snapshot: a new member needs one alone, and votes while writes go on", async () => {
    const put = (at: number) => client.put(`k${at % KEYS}`, VALUE);
    for (let at = 0; at < KEYS; at += 20)
      await Promise.all(Array.from({ length: 20 }, (_, i) => put(at + i)));
    const peer = await nodes.prepare("n2", { join: true, ...SETTINGS });
    await client.members.add("n2", { peer });
    await nodes.run("n2");
    const end = new AbortController();
    const load = (async () => {
      for (let at = 0; !end.signal.aborted; at += 1) await put(at);
    })();
    try {
      await until(
        "n2 votes",
        async () => (member(await client.members.list(), "n2")?.role === "voter" ? true : null),
        { limitMs: 60_000 },
      );
    } finally {
      end.abort();
      await load;
    }
    expect(await metricOf(nodes.endpoint("n2"), "raftkv_snapshots_received_total")).to.equal(1);
  });
});
