import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { waitUntil } from "../dist/cluster/wait.js";
import { raftkv } from "./support/captured.js";
import type { Captured, World } from "./support/captured.js";
import { OneNode } from "./support/one-node.js";
import { startCommand } from "./support/process.js";
import { temporaryDirectory } from "./support/temporary.js";

const LIMIT_MS = 20_000;
const BYTES = Buffer.from("00ff0a80", "hex");

describe("the commands on a cluster", function () {
  this.timeout(60_000);
  const node = new OneNode();
  const cwd = temporaryDirectory();
  before(() => node.start());
  after(() => node.stop());

  const env = (): Record<string, string> => ({ RAFTKV_ENDPOINTS: node.endpoint });
  const run = (args: readonly string[], world: World = {}): Promise<Captured> =>
    raftkv(args, { env: env(), cwd: cwd(), ...world });
  const must = async (line: string, world: World = {}): Promise<string> => {
    const { code, err, out } = await run(line.split(" "), world);
    expect(code, `${line}: ${err}`).to.equal(0);
    return out.toString();
  };
  const json = async (line: string, world: World = {}): Promise<Record<string, unknown>> =>
    JSON.parse(await must(`${line} --json`, world)) as Record<string, unknown>;

  describe("kv", () => {
    it("put --prev prints what was there, and del of a range how many there were", async () => {
      await must("kv put r/1 a");
      expect(await must("kv put r/1 b --prev")).to.match(/^OK, revision \d+\na$/);
      await must("kv put r/2 c");
      await must("kv put s/1 d");
      expect(await must("kv del r/ --prefix --prev")).to.match(
        /^deleted 2, revision \d+\nr\/1\tb\nr\/2\tc\n$/,
      );
      expect((await run(["kv", "del", "r/", "--prefix"])).code).to.equal(1);
      expect(await must("kv get s/1")).to.equal("d");
    });

    it("range has limit, order, keys only, a count, an end and the past", async () => {
      for (const name of ["a", "b", "c"]) await must(`kv put t/${name} ${name}`);
      const { revision } = await json("kv put t/d d");
      expect(await must("kv range t/ --prefix --limit 2")).to.equal("t/a\ta\nt/b\tb\n");
      expect(await must("kv range t/ --prefix --order descending --limit 1 --keys-only")).to.equal("t/d\n");
      expect(await must("kv range t/b t/d --keys-only")).to.equal("t/b\nt/c\n");
      expect(await must("kv range t/c --from-key --keys-only")).to.match(/^t\/c\nt\/d\n/);
      expect(await must("kv range t/b")).to.equal("t/b\tb\n");
      await must("kv del t/ --prefix");
      expect(await must("kv range t/ --prefix --count-only")).to.equal("0\n");
      expect(await must(`kv range t/ --prefix --count-only --revision ${String(revision)}`)).to.equal("4\n");
      const past = await json(
        `kv range t/ --prefix --limit 3 --consistency serializable --revision ${String(revision)}`,
      );
      expect(past).to.include({ revision, more: true });
      expect(past["entries"]).to.have.length(3);
    });

    it("range is a table on a terminal, in which no byte moves the cursor", async () => {
      await run(["kv", "put", "u/1", "red\u001b[31m"]);
      const { out } = await run(["kv", "range", "u/", "--prefix"], { isTTY: true });
      expect(out.toString()).to.contain("u/1").and.to.contain("│").and.not.to.contain("\u001b[31m");
    });

    it("takes and gives bytes as they are, in hexadecimal, and in base64", async () => {
      await must("kv put v/bytes -", { input: BYTES });
      expect((await run(["kv", "get", "v/bytes"])).out.equals(BYTES)).to.equal(true);
      expect(await must("kv get v/bytes --value-encoding hex")).to.equal("00ff0a80");
      await must("kv put 762f32 AP8KgA== --key-encoding hex --value-encoding base64");
      expect(await must("kv get v/2 --value-encoding hex")).to.equal("00ff0a80");
      await must("kv put v/3 - --value-encoding hex", { input: Buffer.from("00ff\n0a80\n") });
      expect((await run(["kv", "get", "v/3"])).out.equals(BYTES)).to.equal(true);
    });

    it("txn, as text and as JSON, does one thing or the other, and its exit code says which", async () => {
      const text = Buffer.from('version("seat") = "0"\n\nput seat "alice \\x21"\n\nget seat\n');
      expect(await must("kv txn", { input: text })).to.match(/^SUCCESS, revision \d+\nput: OK\n$/);
      const second = await run(["kv", "txn"], { input: text });
      expect(second.out.toString()).to.match(/^FAILURE, revision \d+\nget: 1\nseat\talice !\n$/);
      expect(second.code).to.equal(1);
      const nested = {
        if: [{ key: "seat", target: "value", relation: "=", operand: "alice !" }],
        then: [
          { op: "put", keyBase64: "/w==", value: "1", previous: true },
          {
            op: "txn",
            else: [{ op: "get", key: "x" }],
            then: [{ op: "del", prefix: "sea", previous: true }],
          },
        ],
      };
      const { results, succeeded } = await json("kv txn", { input: Buffer.from(JSON.stringify(nested)) });
      expect(succeeded).to.equal(true);
      expect(results).to.have.nested.property("[0].previous", null);
      expect(results).to.have.nested.property("[1].results[0].previous[0].value", "alice !");
      expect(await must("kv range ff --key-encoding hex")).to.equal("ff\t1\n");
    });
  });

  describe("kv watch", () => {
    it("from a revision prints every change behind it, in order, and ends with --count", async () => {
      const { revision } = await json("kv put z/1 a");
      await must("kv put z/2 b");
      await must("kv del z/1");
      const from = `--from-revision ${Number(revision)}`;
      const lines = (await must(`kv watch z/ --prefix ${from} --count 3 --prev`)).trimEnd().split("\n");
      const [first, second, third] = [0, 1, 2].map((more) => String(Number(revision) + more));
      expect(lines).to.deep.equal([
        `put\t${first}\tz/1\ta`,
        `put\t${second}\tz/2\tb`,
        `delete\t${third}\tz/1\ta`,
      ]);
      expect(await must(`kv watch z/ --prefix ${from} --delete --count 1`)).to.equal(
        `delete\t${third}\tz/1\n`,
      );
      const event = await json(`kv watch z/2 ${from} --put --count 1 --prev`);
      expect(event).to.include({ kind: "put", key: "z/2", value: "b", previous: null, version: 1 });
    });

    it("sees what comes while it runs, until it is stopped", async () => {
      const watching = startCommand(["kv", "watch", "live", "--json"], cwd(), env());
      let count = 0;
      // Nothing says when a watch without a terminal has begun: put until it has seen one.
      const seen = await waitUntil(
        async () => {
          await must(`kv put live ${(count += 1)}`);
          return watching.output() !== "";
        },
        { limitMs: LIMIT_MS },
      );
      expect(seen, watching.output()).to.equal(true);
      watching.child.kill("SIGINT");
      expect(await watching.ended()).to.equal(null);
      expect(watching.child.signalCode).to.equal("SIGINT");
    });
  });

  it("lease: granted, listed, kept alive, asked about and revoked, with its keys", async () => {
    const id = (await must("lease grant 60s")).trim();
    expect(id).to.match(/^\d+$/);
    await must(`kv put w/1 x --lease ${id}`);
    expect(await must(`lease ttl ${id}`)).to.match(/left of 1m, 1 key\nw\/1\n$/);
    expect(await must("lease list")).to.match(new RegExp(`^${id} +1m `, "m"));
    expect(await json(`lease keep-alive ${id} --once`)).to.deep.equal({ lease: Number(id), ttlMs: 60_000 });
    expect(await must(`lease revoke ${id}`)).to.match(/^revoked, with 1 key, revision/);
    expect((await run(["kv", "get", "w/1"])).code).to.equal(1);
  });

  it("lease keep-alive ends with 5 when the lease does", async () => {
    const id = (await must("lease grant 2s")).trim();
    const keeping = run(["lease", "keep-alive", id]);
    await must(`lease revoke ${id}`);
    const { code, err } = await keeping;
    expect(err).to.match(/LEASE_NOT_FOUND/);
    expect(code).to.equal(5);
  });

  it("routes list shows the one route of a new cluster", async () => {
    const { routes, version } = await json("routes list");
    expect(version).to.equal(1);
    expect(routes).to.deep.equal([
      { routeId: 1, start: "", startBase64: null, end: null, endBase64: null, groupId: 1, version: 1 },
    ]);
  });

  it("an export comes back as it was, byte for byte; one that was cut off is refused", async () => {
    await must("kv put x/1 one");
    await must("kv put x/2 -", { input: BYTES });
    const { out } = await run(["export", "x/", "--prefix"]);
    await must("kv del x/ --prefix");
    const file = join(cwd(), "x.jsonl");
    writeFileSync(file, out);
    expect(await must("import x.jsonl --batch 1")).to.equal("imported 2 keys\n");
    expect((await run(["kv", "get", "x/2"])).out.equals(BYTES)).to.equal(true);
    const again = await run(["export", "x/", "--prefix"]);
    expect(again.out.toString().split("\n").slice(1)).to.deep.equal(out.toString().split("\n").slice(1));
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    for (const cut of [lines.slice(0, -1), lines.filter((_, index) => index !== 1)]) {
      const { code, err } = await run(["import"], { input: Buffer.from(`${cut.join("\n")}\n`) });
      expect(err).to.match(/was cut off, or is empty: \d of 2 keys were put \(BAD_INPUT\)/);
      expect(code).to.equal(2);
    }
  });

  it("admin: a checkpoint reaches what is applied, the hash is the state's, and what was compacted is gone", async () => {
    const { revision } = await json("kv put y 1");
    const [made] = JSON.parse(await must("admin checkpoint --json")) as { index: number; name: string }[];
    const [row] = JSON.parse(await must("admin hash --json")) as { hash: string; index: number }[];
    expect(made).to.include({ name: "n1" });
    expect(row?.hash).to.match(/^[0-9a-f]{32,}$/);
    expect(made?.index).to.be.lessThanOrEqual(row?.index ?? 0);
    await must("kv put y 2");
    expect(await json(`admin compact ${Number(revision) + 1}`)).to.deep.equal({
      floor: Number(revision) + 1,
    });
    const { code, err } = await run(["kv", "get", "y", "--revision", String(revision)]);
    expect(err).to.match(/COMPACTED/);
    expect(code).to.equal(5);
  });

  it("health is yes for a node that serves", async () => {
    const rows = JSON.parse(await must("health --json")) as Record<string, unknown>[];
    expect(rows).to.have.length(1);
    expect(rows[0]).to.include({ name: "n1", reachable: true, healthy: true, ready: true, reason: null });
  });

  it("a command in a pipe finds its packages: a lazy import behind an fstat of a pipe", async () => {
    const piped = startCommand(["kv", "txn"], cwd(), env(), "\nput piped 1\n");
    expect(await piped.ended(), piped.output()).to.equal(0);
  });

  it("completion knows the commands and their options", async () => {
    expect((await must("completion")).split("\n")[0]).to.match(/raftkv/);
    const complete = async (...words: readonly string[]): Promise<string[]> => {
      const asked = startCommand(["--get-yargs-completions", "raftkv", ...words], cwd());
      expect(await asked.ended()).to.equal(0);
      return asked.output().split("\n");
    };
    expect(await complete("l")).to.include.members(["lease", "lock"]);
    expect(await complete("kv", "")).to.include.members(["range", "txn"]);
    expect(await complete("kv", "range", "--")).to.include("--keys-only");
  });
});

describe("raftkv lock", function () {
  this.timeout(60_000);
  const node = new OneNode();
  const cwd = temporaryDirectory();
  before(() => node.start());
  after(() => node.stop());
  const lock = (...args: readonly string[]) =>
    startCommand(["lock", "job", ...args], cwd(), { RAFTKV_ENDPOINTS: node.endpoint });

  it("ends as the command does, which has the fencing token", async () => {
    const script = 'echo "token $RAFTKV_LOCK_TOKEN"; exit 7';
    const first = lock("--", "sh", "-c", script);
    expect(await first.ended(), first.output()).to.equal(7);
    const second = lock("--", "sh", "-c", script);
    await second.ended();
    const token = (output: string): number => Number(/token (\d+)/.exec(output)?.[1]);
    expect(token(second.output())).to.be.greaterThan(token(first.output()));
    expect(await lock("--", "sh", "-c", "kill -KILL $$").ended()).to.equal(137);
    expect(await lock("--", "no-such-program").ended()).to.equal(127);
  });

  it("keeps others out as long as it is held, and hands SIGTERM on", async () => {
    const holder = lock("--", "sh", "-c", "echo held; exec sleep 100");
    await holder.printed(/held/);
    const other = lock("--wait", "300ms", "--", "true");
    expect(await other.ended()).to.equal(3);
    expect(other.output()).to.match(/TIMEOUT/);
    holder.child.kill("SIGTERM");
    expect(await holder.ended()).to.equal(143);
    expect(await lock("--", "true").ended()).to.equal(0);
  });

  it("tells the command when the lock is lost, and ends with 5", async () => {
    const holder = lock(
      "--ttl",
      "2s",
      "--",
      "sh",
      "-c",
      'trap "echo told; exit 0" TERM; echo held; while :; do sleep 0.05; done',
    );
    await holder.printed(/held/);
    const env = { RAFTKV_ENDPOINTS: node.endpoint };
    const revoked = async (): Promise<boolean> => {
      const { out } = await raftkv(["lease", "list", "--json"], { env });
      const [lease] = JSON.parse(out.toString()) as { lease: number }[];
      if (lease === undefined) return false;
      return (await raftkv(["lease", "revoke", String(lease.lease)], { env })).code === 0;
    };
    expect(await waitUntil(revoked, { limitMs: LIMIT_MS })).to.equal(true);
    expect(await holder.ended()).to.equal(5);
    expect(holder.output())
      .to.match(/told/)
      .and.to.match(/LOCK_LOST/);
  });
});
