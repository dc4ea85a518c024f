import { expect } from "chai";
import { serverId } from "../../dist/core/index.js";
import { Cluster, HEARTBEAT_TICKS, configurationOf } from "./support/cluster.js";

/** To whom the heartbeats go that are on their way. */
const asked = (cluster: Cluster): string[] =>
  cluster.network
    .filter(({ message }) => message.kind === "heartbeatRequest")
    .map(({ message }) => message.to)
    .sort();

const granted = (cluster: Cluster, name: string): number[] =>
  cluster.get(name).grants.map(({ readId }) => readId);

/** A leader that has read once, and whose round `first` answered before anybody else. */
function clusterWhere(first: string, names = ["a", "b", "c"]): Cluster {
  const cluster = new Cluster(names);
  const a = cluster.elect("a");
  a.step({ kind: "read", readId: 1 });
  cluster.deliver((message) => message.to === first);
  cluster.deliver((message) => message.from === first);
  expect(granted(cluster, "a")).to.deep.equal([1]);
  cluster.settle();
  return cluster;
}

describe("whom a confirmation round goes to (R18)", () => {
  it("to as many as must answer: those who were quick when everybody was asked", () => {
    for (const first of ["b", "c"]) {
      const cluster = clusterWhere(first);
      cluster.get("a").step({ kind: "read", readId: 2 });
      expect(asked(cluster)).to.deep.equal([first]);
      cluster.settle();
      expect(granted(cluster, "a")).to.deep.equal([1, 2]);
    }
  });

  it("to all when those few do not answer, and to others from then on", () => {
    const cluster = clusterWhere("b");
    cluster.isolate("b");
    cluster.get("a").step({ kind: "read", readId: 2 });
    cluster.round(2);
    expect(granted(cluster, "a")).to.deep.equal([1, 2]);
    cluster.network = [];
    cluster.get("a").step({ kind: "read", readId: 3 });
    expect(asked(cluster)).to.deep.equal(["c"]);
  });

  it("to all at once when the connection to one of the few drops", () => {
    const cluster = clusterWhere("b");
    cluster.get("a").step({ kind: "read", readId: 2 });
    cluster.network = [];
    cluster.get("a").step({ kind: "connectionLost", peer: serverId("b") });
    expect(asked(cluster)).to.deep.equal(["b", "c"]);
    cluster.isolate("b");
    cluster.settle();
    expect(granted(cluster, "a")).to.deep.equal([1, 2]);
  });

  it("regular heartbeats still go to all when they are due, however many rounds there are", () => {
    const cluster = clusterWhere("b");
    let regular = 0;
    for (let tick = 0; tick < 5 * HEARTBEAT_TICKS; tick++) {
      cluster.get("a").step({ kind: "read", readId: 10 + tick });
      cluster.settle();
      cluster.tick("a");
      if (asked(cluster).includes("c")) regular += 1;
      cluster.settle();
    }
    expect(regular).to.equal(5);
  });

  it("to all when the few are no majority any more: a learner became a voter", () => {
    const cluster = new Cluster(["a", "b", "c"], {
      servers: ["a", "b", "c", "d"],
      configuration: configurationOf(["a", "b", "c"], { learners: ["d"] }),
    });
    const a = cluster.elect("a");
    a.step({ kind: "read", readId: 1 });
    cluster.deliver((message) => message.to === "b");
    cluster.deliver((message) => message.from === "b");
    cluster.settle();
    a.step({
      kind: "changeMembership",
      change: { members: [{ kind: "promote", id: serverId("d") }], joint: "auto" },
    });
    expect(a.status.configuration.voters).to.have.length(4);
    cluster.network = [];
    a.step({ kind: "read", readId: 2 });
    expect(asked(cluster)).to.deep.equal(["b", "c", "d"]);
    cluster.settle();
    expect(granted(cluster, "a")).to.deep.equal([1, 2]);
  });
});
