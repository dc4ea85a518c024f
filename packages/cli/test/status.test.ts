import { expect } from "chai";
import { answerJson, deadEndpoint, fakeNode, statusOf } from "./support/fake-node.js";
import type { FakeNode } from "./support/fake-node.js";
import { raftkv } from "./support/captured.js";

describe("raftkv status", () => {
  const nodes: FakeNode[] = [];
  const start = async (...args: Parameters<typeof fakeNode>): Promise<FakeNode> => {
    const node = await fakeNode(...args);
    nodes.push(node);
    return node;
  };
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.close();
  });

  it("asks each node for its hash and shows one row a node, columns of plain text in a pipe", async () => {
    const paths: (string | undefined)[] = [];
    const node = await start((request, response) => {
      paths.push(request.url);
      answerJson(response, 200, statusOf());
    });
    const { code, out } = await raftkv(["status", "--endpoints", node.endpoint]);
    expect(code).to.equal(0);
    expect(paths).to.deep.equal(["/v1/status?hash=true"]);
    const [heads = "", row = "", ...rest] = out.toString().split("\n");
    expect(heads.split(/ +/)).to.deep.equal([
      "NAME",
      "CLIENT",
      "ROLE",
      "TERM",
      "COMMIT",
      "APPLIED",
      "REVISION",
      "HASH",
      "MODE",
    ]);
    expect(row.split(/ +/)).to.deep.equal([
      "n1",
      node.endpoint,
      "leader",
      "3",
      "12",
      "11",
      "9",
      "0123456789abcdef",
      "nosync",
    ]);
    expect(rest).to.deep.equal([""]);
  });

  it("draws a table on a terminal", async () => {
    const node = await start((_, response) => answerJson(response, 200, statusOf()));
    const { out } = await raftkv(["status", "--endpoints", node.endpoint], { isTTY: true });
    expect(out.toString()).to.contain("│ n1 ");
  });

  it("shows an unreachable node as a row that says so, and why on stderr", async () => {
    const node = await start((_, response) => answerJson(response, 200, statusOf()));
    const dead = await deadEndpoint();
    const { code, out, err } = await raftkv(["status", "--endpoints", `${dead},${node.endpoint}`]);
    expect(code).to.equal(0);
    expect(out.toString()).to.match(new RegExp(`${dead} +unreachable +-`));
    expect(err).to.contain(`${dead} cannot be reached: nothing listens there`);
  });

  it("gives one object of one shape for each node with --json", async () => {
    const node = await start((_, response) => answerJson(response, 200, statusOf()));
    const dead = await deadEndpoint();
    const { out } = await raftkv(["status", "--json", "--endpoints", `${node.endpoint},${dead}`]);
    const rows = JSON.parse(out.toString()) as Record<string, unknown>[];
    expect(rows).to.have.length(2);
    const [first = {}, second = {}] = rows.sort((a, b) => Number(b["reachable"]) - Number(a["reachable"]));
    expect(first).to.include({
      name: "n1",
      role: "leader",
      term: 3,
      commit: 12,
      applied: 11,
      revision: 9,
      mode: "nosync",
    });
    expect(first).to.include({ hash: "0123456789abcdef0123456789abcdef", reason: null });
    expect(second).to.include({ endpoint: dead, reachable: false, role: null, hash: null });
    expect(Object.keys(second)).to.deep.equal(Object.keys(first));
  });

  it("finds the other members through one endpoint, and names those that do not answer", async () => {
    const other = await start((_, response) =>
      answerJson(response, 200, statusOf({ name: "n2", role: "follower" })),
    );
    const dead = await deadEndpoint();
    const members = [
      { name: "n2", serverId: "s2", peer: "127.0.0.1:1", client: other.endpoint },
      { name: "n3", serverId: "s3", peer: "127.0.0.1:2", client: dead },
      { name: "n4", serverId: "s4", peer: "127.0.0.1:3", client: null },
    ];
    const node = await start((_, response) => answerJson(response, 200, statusOf({ members })));
    const { out } = await raftkv(["status", "--json", "--endpoints", node.endpoint]);
    const rows = JSON.parse(out.toString()) as Record<string, unknown>[];
    expect(rows.map(({ name, reachable }) => [name, reachable])).to.deep.equal([
      ["n1", true],
      ["n2", true],
      ["n3", false],
    ]);
  });

  it("says so when the endpoints are of two clusters, and does not compare their nodes", async () => {
    const one = await start((_, response) => answerJson(response, 200, statusOf({ clusterId: "c1" })));
    const two = await start((_, response) =>
      answerJson(
        response,
        200,
        statusOf({ clusterId: "c2", name: "m1", stateHash: "ff", stateHashIndex: 11 }),
      ),
    );
    for (const command of [["status"], ["health"], ["admin", "hash"], ["admin", "checkpoint"]]) {
      const { code, err } = await raftkv([...command, "--endpoints", `${one.endpoint},${two.endpoint}`]);
      expect(err).to.match(
        /the endpoints are of 2 clusters, not one: .*of cluster c2; .*of cluster c1 \(MIXED_CLUSTERS\)/,
      );
      expect(code).to.equal(2);
    }
  });

  it("admin hash ends with 1 when two members hold different things at one index, and only then", async () => {
    const hashes = (stateHash: string, stateHashIndex: number, name: string) =>
      start((_, response) => answerJson(response, 200, statusOf({ name, stateHash, stateHashIndex })));
    const nodes = [await hashes("aa", 7, "n1"), await hashes("bb", 8, "n2"), await hashes("cc", 7, "n3")];
    const [one, two, three] = nodes.map(({ endpoint }) => endpoint);
    const apart = await raftkv(["admin", "hash", "--endpoints", `${one},${two}`]);
    expect(apart.err).to.match(/not comparable/);
    expect(apart.code).to.equal(0);
    const different = await raftkv(["admin", "hash", "--endpoints", `${one},${two},${three}`]);
    expect(different.err).to.match(/n1 and n3 differ at index 7 \(HASHES_DIFFER\)/);
    expect(different.code).to.equal(1);
  });

  const broken: Readonly<Record<string, Parameters<typeof fakeNode>[0]>> = {
    "an answer that is not JSON": (_, response) => response.end("<html>"),
    "JSON that is no status": (_, response) => answerJson(response, 200, { name: 7 }),
    "HTTP 503": (_, response) => answerJson(response, 503, {}),
    "a connection that is cut": (request) => request.socket.destroy(),
    "no answer at all": () => undefined,
  };
  for (const [what, answer] of Object.entries(broken)) {
    it(`takes ${what} for unreachable, and ends with 3 when no node is left`, async () => {
      const node = await start(answer);
      const { code, out, err } = await raftkv(["status", "--endpoints", node.endpoint, "--timeout", "300ms"]);
      expect(out.toString()).to.contain("unreachable");
      expect(err).to.match(/error: no node answers \(UNAVAILABLE\)\n$/);
      expect(code).to.equal(3);
    });
  }
});
