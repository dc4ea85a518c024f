import { join } from "node:path";
import { expect } from "chai";
import { LOG_FORMAT, NO_SESSION, encodeInto, encodedSize } from "@raftkv/fsm";
import { putRequest } from "@raftkv/protocol";
import { LogWriter, encodeFrame, groupId, logIndex, serverId, term } from "raft-ts";
import { exitCodeOf } from "../dist/errors.js";
import { formatOfAll } from "../dist/group/log-format.js";
import { metric } from "./support/metric.js";
import { TestNodes, until } from "./support/nodes.js";
import { RawClient } from "./support/raw-client.js";

/** A version that knows nothing of formats: it understands the first. */
const OLDER = { logFormat: 1 };

describe("the format of the log (upgrades of one node after the other)", function () {
  this.timeout(60_000);

  it("is understood by all when each member says so, and nobody comes or goes", () => {
    const [a, b, c] = [serverId("a"), serverId("b"), serverId("c")];
    const configuration = { voters: [a], outgoing: [b], learners: [c], witnesses: [], autoLeave: false };
    const standing = {
      configuration: { ...configuration, lease: null },
      configurationIndex: logIndex(4),
      commitIndex: logIndex(4),
    };
    const formats = new Map([a, b, c].map((server) => [server, 5]));
    const found = (): number | null => formatOfAll(standing, (server) => formats.get(server) ?? null);
    expect(found()).to.equal(5);
    for (const server of [a, b, c]) {
      formats.set(server, 3);
      expect(found(), `${server} is older`).to.equal(3);
      formats.delete(server);
      expect(found(), `${server} has not said`).to.equal(null);
      formats.set(server, 5);
    }
    expect(formatOfAll({ ...standing, configurationIndex: logIndex(5) }, () => 5)).to.equal(null);
  });

  describe("in a cluster", () => {
    let nodes: TestNodes;

    afterEach(() => nodes.close());

    async function put(count: number): Promise<void> {
      const client = await RawClient.greeted(nodes.endpoint((await nodes.leader()).name));
      for (let at = 1; at <= count; at += 1) {
        const reply = await client.one(
          putRequest(at, 0, Buffer.from(`key ${at}`), Buffer.from("v"), 0, false),
        );
        expect(reply).to.include({ op: 1 });
      }
      client.close();
    }

    async function formatIs(names: readonly string[], format: number): Promise<void> {
      for (const name of names) {
        await until(`${name} has format ${format}`, async () =>
          (await nodes.running.get(name)?.status())?.logFormat === format ? true : null,
        );
      }
    }

    it("is raised only once the last member was upgraded; what older ones do not know is not proposed before", async () => {
      nodes = await TestNodes.create(3, { hashCheckIntervalMs: "100", hashCheckPercent: "100" });
      const failures: unknown[] = [];
      nodes.parts.set("n2", OLDER);
      await nodes.startAll();
      nodes.running.get("n2")?.ended.catch((error: unknown) => failures.push(error));
      // Whoever leads has had the time for it: everything is applied by all.
      await put(50);
      const { commitIndex } = await nodes.leader();
      await until("n2 has applied it", async () => {
        const { appliedIndex = 0 } = (await nodes.running.get("n2")?.status()) ?? {};
        return failures.length > 0 || appliedIndex >= commitIndex ? true : null;
      });
      expect(failures).to.deep.equal([]);
      await formatIs(["n1", "n2", "n3"], 1);
      expect(await metric(nodes.endpoint("n1"), "raftkv_hash_checks_total")).to.equal(0);

      // Of one that is away nobody knows what it will be when it comes back, whatever it was.
      await nodes.stop("n3");
      await nodes.stop("n2");
      nodes.parts.delete("n2");
      await nodes.start("n2");
      await put(20);
      await formatIs(["n1", "n2"], 1);

      await nodes.start("n3");
      await formatIs(["n1", "n2", "n3"], LOG_FORMAT);
      await until("replicas are compared", async () =>
        (await metric(nodes.endpoint("n3"), "raftkv_hash_checks_total")) > 0 ? true : null,
      );
    });

    /** What a start of n1 ends with. */
    async function failureOf(name: string): Promise<Error> {
      const node = await nodes.start(name);
      const failure = await node.ended.then(
        () => null,
        (error: unknown) => error as Error,
      );
      await nodes.stop(name);
      if (failure === null) throw new Error("it ended without a failure");
      return failure;
    }

    function expectNewer(failure: Error, found: number, known: number): void {
      expect(failure).to.have.property("code", "NEWER_FORMAT");
      expect(failure.message).to.contain(`of format ${found}`).and.contain(`formats up to ${known}`);
      expect(exitCodeOf(failure)).to.equal(2);
    }

    /** A command at the end of the log of a node that does not run. */
    async function appendTo(name: string, command: readonly number[]): Promise<void> {
      const log = await LogWriter.open({ dir: join(nodes.option(name).dataDir, "wal") });
      const last = (log.shapes(groupId(1))?.to ?? 1) - 1;
      const hardState = log.recovered(groupId(1))?.hardState ?? null;
      const header = {
        group: groupId(1),
        term: hardState?.currentTerm ?? term(1),
        index: logIndex(last + 1),
        kind: "command",
      } as const;
      const entries = [encodeFrame(header, Buffer.from(command))];
      const seq = log.append({ group: groupId(1), hardState, base: null, entries });
      await new Promise<void>((resolve, reject) => {
        log.durability.wait(seq, (error) => (error === null ? resolve() : reject(error)));
      });
      await log.close();
    }

    it("is found newer than what a node understands when that opens its log, before it takes part", async () => {
      nodes = await TestNodes.create(1);
      await nodes.start("n1");
      await formatIs(["n1"], LOG_FORMAT);
      // No checkpoint was made: it stands in the log alone.
      await nodes.running.get("n1")?.kill();
      nodes.parts.set("n1", OLDER);
      expectNewer(await failureOf("n1"), LOG_FORMAT, 1);
      nodes.parts.delete("n1");
      await nodes.start("n1");
      await put(1);
      // From here on it stands in the checkpoint.
      await nodes.stop("n1");
      nodes.parts.set("n1", OLDER);
      expectNewer(await failureOf("n1"), LOG_FORMAT, 1);
    });

    it("is found to be of a version that is yet to come by its first byte, also with nobody there to commit it", async () => {
      nodes = await TestNodes.create(2);
      await nodes.startAll();
      await put(1);
      await nodes.stop("n1");
      await nodes.stop("n2");
      await appendTo("n1", [LOG_FORMAT + 1, 200, 7]);
      expectNewer(await failureOf("n1"), LOG_FORMAT + 1, LOG_FORMAT);
    });

    it("is what ends a node that is sent what it does not understand, not the store that met it", async () => {
      nodes = await TestNodes.create(2);
      for (const name of ["n1", "n2"]) nodes.parts.set(name, OLDER);
      await nodes.startAll();
      await put(1);
      // The last one to stop has the longest log: who leads hands over, and the next one's first entry may not reach who is going.
      await nodes.stop("n2");
      await nodes.stop("n1");
      const hashCheck = new Uint8Array(encodedSize({ kind: "hashCheck" }, NO_SESSION));
      encodeInto({ kind: "hashCheck" }, NO_SESSION, 0, hashCheck, 0);
      await appendTo("n1", [...hashCheck]);
      nodes.parts.delete("n1");
      await nodes.start("n1");
      expectNewer(await failureOf("n2"), 2, 1);
    });
  });
});
