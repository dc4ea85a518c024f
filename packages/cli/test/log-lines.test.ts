import { once } from "node:events";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { probeReady } from "../dist/cluster/probe.js";
import { waitUntil } from "../dist/cluster/wait.js";
import { oneNodeArguments } from "./support/one-node.js";
import { temporaryDirectory } from "./support/temporary.js";

const BIN = fileURLToPath(new URL("../bin/raftkv.cjs", import.meta.url));

describe("every log line of a node", function () {
  this.timeout(60_000);
  const cwd = temporaryDirectory();

  it("is one JSON object with node, group and term, from the first to the last, over a restart", async () => {
    const { endpoint, start } = await oneNodeArguments();
    const terms: number[] = [];
    for (const run of [1, 2]) {
      const child = spawn(process.execPath, [BIN, ...start, "--log-level", "trace"], { cwd: cwd() });
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
      const closed = once(child, "close");
      const serves = async () => (await probeReady(endpoint, 1_000)).ok;
      expect(await waitUntil(serves, { limitMs: 40_000 }), out).to.equal(true);
      child.kill("SIGTERM");
      expect(await closed).to.deep.equal([0, null]);
      const lines = out.trimEnd().split("\n");
      expect(lines.length).to.be.greaterThan(4);
      for (const line of lines) {
        const { group, msg, node, term, time } = JSON.parse(line) as Record<string, unknown>;
        expect({ node, group }, line).to.deep.equal({ node: "n1", group: 1 });
        expect(term, line).to.be.a("number");
        expect(typeof msg === "string" && typeof time === "number", line).to.equal(true);
        // Before the log is read nobody knows the term.
        if (out.indexOf(line) + line.length < out.indexOf("listening")) expect(term, line).to.equal(0);
        else terms.push(term as number);
      }
      // That of the moment: it begins with what the log remembers.
      expect(terms.at(-1)).to.equal(run);
      expect([...terms]).to.deep.equal(terms.toSorted((a, b) => a - b));
      expect(out).to.contain(`leader in term ${run}`);
    }
  });
});
