import { expect } from "chai";
import { exitCodeOf } from "@raftkv/node";
import { getRequest, putRequest } from "@raftkv/protocol";
import { GatedDisk } from "./support/gated-disk.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

const KEY = Buffer.from("k");

describe("a log whose sync failed (W1)", () => {
  let nodes: TestNodes;
  const disks = new Map<string, GatedDisk>();

  async function start(count: number, settings: Record<string, string> = {}): Promise<string> {
    nodes = await TestNodes.create(count, settings);
    for (const { name } of nodes.options) {
      const disk = new GatedDisk();
      disks.set(name, disk);
      nodes.parts.set(name, { fileSystem: disk.fileSystem });
    }
    await nodes.startAll();
    return (await nodes.leader()).name;
  }

  function breakDisk(name: string): void {
    const disk = disks.get(name);
    if (disk === undefined) throw new Error(`${name} has no disk`);
    disk.failure = Object.assign(new Error("EIO: i/o error, fdatasync"), {
      code: "EIO",
      syscall: "fdatasync",
    });
  }

  const endOf = (name: string): Promise<unknown> =>
    Promise.resolve(nodes.running.get(name)?.ended).then(
      () => null,
      (error: unknown) => error,
    );

  afterEach(() => nodes.close());

  it("ends the leader with status 74, reads refused, and another leads on with all that was acknowledged", async () => {
    const leader = await start(3);
    const client = await RawClient.greeted(nodes.endpoint(leader));
    await client.ask([putRequest(1, 0, KEY, Buffer.from("kept"))]);
    breakDisk(leader);
    const doomed = (await client.ask([putRequest(2, 0, Buffer.from("doomed"), Buffer.from("v"))])).get(2);
    // The followers may have committed it before this node's own sync returned (§10.2.1).
    expect(doomed?.op === 0 ? doomed.code : "applied").to.be.oneOf(["OUTCOME_UNKNOWN", "applied"]);
    const error = await endOf(leader);
    expect(exitCodeOf(error)).to.equal(74);
    expect((error as Error).message).to.equal(
      "the log failed and takes nothing more: EIO: i/o error, fdatasync",
    );
    const refused = await client.ask([
      getRequest(3, 0, KEY, false),
      getRequest(4, 0, KEY, true),
      putRequest(5, 0, KEY, Buffer.from("no")),
    ]);
    for (const reply of refused.values()) expect(reply).to.deep.include({ op: 0, code: "UNAVAILABLE" });
    expect((await fetch(`http://${nodes.endpoint(leader)}/health`)).status).to.equal(503);
    const others = nodes.options.map(({ name }) => name).filter((name) => name !== leader);
    const read = await until("another leader serves", async () => {
      const reader = await RawClient.greeted(nodes.endpoint(others[0] ?? ""));
      const reply = (await reader.ask([getRequest(1, 500, KEY, true)])).get(1);
      reader.close();
      return reply?.op === 2 ? reply : null;
    });
    expect(read.value?.toString()).to.equal("kept");
    client.close();
  });

  it("ends the node also when nobody waits for the batch that failed, as with the one that seals (W3)", async () => {
    const leader = await start(1, { walSealAfterMs: "300" });
    const client = await RawClient.greeted(nodes.endpoint(leader));
    await client.ask([putRequest(1, 0, KEY, Buffer.from("v"))]);
    breakDisk(leader);
    expect(exitCodeOf(await endOf(leader))).to.equal(74);
    const read = (await client.ask([getRequest(2, 0, KEY, false)])).get(2);
    expect(read).to.deep.include({ op: 0, code: "UNAVAILABLE" });
    client.close();
  });
});
