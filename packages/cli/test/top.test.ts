import { EventEmitter } from "node:events";
import { expect } from "chai";
import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { startTestCluster } from "@raftkv/node";
import type { TestCluster } from "@raftkv/node";
import { figuresOf } from "../dist/top/figures.js";
import type { ClusterFigures } from "../dist/top/figures.js";
import { MetricsText, bucketsBetween, bucketsTogether, quantile } from "../dist/top/metrics-text.js";
import type { NodeSample } from "../dist/top/sample.js";
import { Screen } from "../dist/top/screen.js";
import type { ScreenInput, ScreenOutput } from "../dist/top/screen.js";
import { viewLines } from "../dist/top/view.js";
import { raftkv } from "./support/captured.js";
import { statusOf } from "./support/fake-node.js";

function sample(name: string, atMs: number, metrics: string | null, status: object = {}): NodeSample {
  const reachable = metrics !== null;
  const row = {
    name,
    endpoint: `127.0.0.1:740${name.at(-1)}`,
    reachable,
    reason: reachable ? null : "nothing listens there",
    status: reachable ? statusOf({ name, ...status }) : null,
  } as unknown as NodeSample["row"];
  return { row, atMs, metrics: metrics === null ? null : new MetricsText(metrics) };
}

function metricsOf(puts: number, gets: number, more = ""): string {
  return `# TYPE raftkv_client_answers_total counter
raftkv_client_answers_total{operation="put",node="n1"} ${puts}
raftkv_client_answers_total{operation="get",node="n1"} ${gets}
raftkv_client_answers_total{operation="sessionOpen",node="n1"} 7
raftkv_client_refusals_total{code="NOT_LEADER",node="n1"} ${puts}
raftkv_client_refusals_total{code="COMPACTED",node="n1"} ${gets / 10}
raftkv_write_seconds_bucket{le="0.001",node="n1"} ${puts / 2}
raftkv_write_seconds_bucket{le="0.002",node="n1"} ${puts}
raftkv_write_seconds_bucket{le="+Inf",node="n1"} ${puts}
${more}`;
}

describe("the quantiles of raftkv top", () => {
  const buckets = { bounds: [1, 2, 4, Infinity], counts: [10, 30, 40, 40] };

  it("are interpolated within their bucket", () => {
    expect(quantile(buckets, 0.5)).to.equal(1.5);
    expect(quantile(buckets, 0.25)).to.equal(1);
    expect(quantile(buckets, 1)).to.equal(4);
  });

  it("are not known of nothing, and never beyond the last bound", () => {
    expect(quantile({ bounds: [], counts: [] }, 0.5)).to.equal(null);
    expect(quantile({ bounds: [1, Infinity], counts: [0, 0] }, 0.5)).to.equal(null);
    expect(quantile({ bounds: [1, Infinity], counts: [0, 5] }, 0.99)).to.equal(1);
  });

  it("are of what came between two samples, over several nodes", () => {
    const before = { bounds: buckets.bounds, counts: [10, 10, 10, 10] };
    expect(bucketsBetween(before, buckets).counts).to.deep.equal([0, 20, 30, 30]);
    expect(bucketsTogether([{ bounds: [], counts: [] }, buckets, buckets]).counts).to.deep.equal([
      20, 60, 80, 80,
    ]);
  });
});

describe("the figures of raftkv top", () => {
  it("are rates over the time between two samples, without what is no request of a user's", () => {
    const figures = figuresOf(
      [sample("n1", 0, metricsOf(100, 50))],
      [sample("n1", 2_000, metricsOf(300, 150))],
    );
    expect(figures).to.include({ writesPerSecond: 100, readsPerSecond: 50, errorsPerSecond: 5 });
    expect(figures.writeP50Ms).to.be.closeTo(1, 1e-9);
    expect(figures.readP50Ms).to.equal(null);
  });

  it("are not known with one sample, of another process, and of a node that is down", () => {
    const now = [sample("n1", 1_000, metricsOf(5, 5)), sample("n2", 1_000, null)];
    expect(figuresOf([], now).writesPerSecond).to.equal(null);
    const old = [sample("n1", 0, metricsOf(900, 900), { pid: 1 }), sample("n2", 0, metricsOf(1, 1))];
    const { nodes, nodesReached, writesPerSecond } = figuresOf(old, now);
    expect(writesPerSecond).to.equal(null);
    expect(nodesReached).to.equal(1);
    expect(nodes[1]).to.include({ reachable: false, reason: "nothing listens there", writesPerSecond: null });
  });

  it("take the lag from the leader of the latest term, which knows those that are down too", () => {
    const lag = (of: string, entries: number) =>
      `raftkv_follower_lag_entries{follower="${of}",node="x"} ${entries}\n`;
    const figures = figuresOf(
      [],
      [
        sample("n1", 0, lag("n2", 99) + lag("n3", 99), { role: "leader", term: 3 }),
        sample("n2", 0, lag("n1", 4) + lag("n3", 17), { role: "leader", term: 4 }),
        sample("n3", 0, null),
      ],
    );
    expect(figures).to.include({ leader: "n2", term: 4 });
    expect(figures.nodes.map(({ lagEntries }) => lagEntries)).to.deep.equal([4, 0, 17]);
  });
});

describe("the view of raftkv top", () => {
  const figures = figuresOf([], [sample("n1", 0, metricsOf(1, 1)), sample("n2", 0, null)]);

  it("fits the screen, whatever that is: whole columns, then whole lines", () => {
    for (const columns of [1, 20, 40, 80, 200]) {
      for (const rows of [1, 5, 8, 40]) {
        const lines = viewLines(figures, { columns, rows });
        expect(lines.length).to.be.at.most(rows);
        for (const line of lines) expect(line.length).to.be.at.most(columns);
      }
    }
    const [, , , , head] = viewLines(figures, { columns: 30, rows: 40 });
    expect(head).to.equal("NODE  ROLE    TERM  LAG");
  });

  it("names who is down, and why", () => {
    const lines = viewLines(figures, { columns: 80, rows: 40 });
    expect(lines.join("\n")).to.match(/^n2 +DOWN/m);
    expect(lines).to.include("n2 is down: nothing listens there");
  });
});

describe("the screen of raftkv top", () => {
  function terminal() {
    const out = Object.assign(new EventEmitter(), {
      written: "",
      columns: 80,
      rows: 24,
      write(text: string) {
        this.written += text;
        return true;
      },
    });
    const input = Object.assign(new EventEmitter(), {
      raw: false,
      setRawMode: (raw: boolean) => (input.raw = raw),
    });
    const others = { resume: () => undefined, pause: () => undefined };
    return { out, input: Object.assign(input, others) };
  }
  const listeners = () =>
    ["exit", "SIGINT", "SIGTERM", "SIGHUP"].map((event) => process.listenerCount(event));

  it("is the terminal's other one, and gives everything back", () => {
    const { input, out } = terminal();
    const before = listeners();
    const screen = new Screen(out as unknown as ScreenOutput, input as unknown as ScreenInput, {
      onQuit: () => undefined,
      onResize: () => undefined,
    });
    expect(out.written).to.equal("\u001b[?1049h\u001b[?25l");
    expect(input.raw).to.equal(true);
    screen.draw(["a", "b"]);
    screen.close();
    screen.close();
    screen.draw(["c"]);
    expect(out.written.endsWith("b\u001b[K\u001b[J\u001b[?25h\u001b[?1049l")).to.equal(true);
    expect(input.raw).to.equal(false);
    expect([input.listenerCount("data"), out.listenerCount("resize")]).to.deep.equal([0, 0]);
    expect(listeners()).to.deep.equal(before);
  });

  for (const key of ["q", "Q", "\u0003", "xq"]) {
    it(`is left with ${JSON.stringify(key)}, and told of a new size`, () => {
      const { input, out } = terminal();
      const told: string[] = [];
      const screen = new Screen(out as unknown as ScreenOutput, input as unknown as ScreenInput, {
        onQuit: () => told.push("quit"),
        onResize: () => told.push(`${screen.size.columns} x ${screen.size.rows}`),
      });
      try {
        input.emit("data", Buffer.from("x"));
        out.columns = 40;
        out.emit("resize");
        input.emit("data", Buffer.from(key));
      } finally {
        screen.close();
      }
      expect(told).to.deep.equal(["40 x 24", "quit"]);
    });
  }
});

describe("raftkv top", function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let client: Client;
  before(async () => {
    cluster = await startTestCluster();
    client = await connect({ endpoints: [...cluster.endpoints] });
  });
  after(async () => {
    await client.close();
    await cluster.close();
  });

  async function top(...args: string[]) {
    const [endpoint = ""] = cluster.endpoints;
    return raftkv(["top", "--endpoints", endpoint, "--interval", "200ms", "--once", ...args]);
  }

  it("--once --json is one object: what the clients do, every node, through one endpoint", async () => {
    const going = new AbortController();
    const load = (async () => {
      while (!going.signal.aborted) await client.put("k", "v");
    })();
    const { code, out } = await top("--json");
    going.abort();
    await load;
    expect(code).to.equal(0);
    const figures = JSON.parse(out.toString()) as ClusterFigures;
    expect(figures).to.include({
      nodesReached: 3,
      nodesKnown: 3,
      leader: await cluster.leader(),
      readsPerSecond: 0,
    });
    expect(figures.writesPerSecond).to.be.greaterThan(0);
    expect(figures.writeP99Ms).to.be.greaterThan(0);
    expect(figures.nodes.map(({ name }) => name)).to.deep.equal(["n1", "n2", "n3"]);
    for (const node of figures.nodes) {
      expect(node.lagEntries).to.be.at.least(0);
      expect(node.logBytes).to.be.greaterThan(0);
      expect(node.keys).to.be.greaterThan(0);
      expect(node.memoryBytes).to.be.greaterThan(0);
    }
  });

  it("shows a node that is down, with its lag; in a pipe it ends by itself", async () => {
    const leader = await cluster.leader();
    // The endpoint that is asked stays.
    const victim = leader === "n3" ? "n2" : "n3";
    await cluster.kill(victim);
    const { code, out } = await top();
    expect(code).to.equal(0);
    expect(out.toString()).to.match(new RegExp(`^${victim} +DOWN +- +[\\d,]+ `, "m"));
    expect(out.toString()).to.contain("2 of 3 nodes up");
    await cluster.restart(victim);
  });
});
