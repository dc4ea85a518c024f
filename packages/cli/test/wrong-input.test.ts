import { expect } from "chai";
import { raftkv } from "./support/captured.js";
import type { World } from "./support/captured.js";
import { wrongLines } from "./support/cli-table.js";
import type { WrongLine } from "./support/cli-table.js";
import { deadEndpoint } from "./support/fake-node.js";
import { OneNode } from "./support/one-node.js";
import { temporaryDirectory } from "./support/temporary.js";

/** Runs a row of the docs; the message is in the error, the code behind it, on one line. */
async function check({ args, code, exit, input, says }: WrongLine, world: World): Promise<void> {
  const given = input === null ? {} : { input: Buffer.from(input) };
  const captured = await raftkv(args, { ...world, ...given });
  const last = captured.err.trimEnd().split("\n").at(-1) ?? "";
  expect(last.replaceAll("`", "")).to.contain(says);
  if (code !== "KEY_NOT_FOUND") expect(last).to.match(new RegExp(`^error: .* \\(${code}\\)$`));
  expect(captured.code).to.equal(exit);
}

describe("what docs/cli.md says of wrong command lines:", () => {
  const cwd = temporaryDirectory();
  for (const line of wrongLines("Wrong command lines")) {
    it(line.typed, () => check(line, { cwd: cwd() }));
  }
});

describe("what docs/cli.md says of refusals of a cluster:", function () {
  this.timeout(60_000);
  const node = new OneNode();
  before(() => node.start());
  after(() => node.stop());
  for (const line of wrongLines("Refusals of a running cluster")) {
    it(line.typed, () => check(line, { env: { RAFTKV_ENDPOINTS: node.endpoint } }));
  }
});

describe("with the cluster down", function () {
  this.timeout(60_000);
  const lines = [
    "kv put k v",
    "kv get k",
    "kv get k --consistency serializable",
    "kv del k",
    "kv range",
    "kv range --count-only --json",
    "kv watch k",
    "kv txn",
    "lease grant 5s",
    "lease revoke 1",
    "lease keep-alive 1",
    "lease ttl 1",
    "lease list",
    "lock job -- true",
    "routes list",
    "export",
    "status",
    "health",
    "top",
    "top --json",
    "admin checkpoint",
    "admin compact 1",
    "admin hash",
  ];
  for (const line of lines) {
    it(`raftkv ${line} ends with 3 within its timeout, UNAVAILABLE`, async () => {
      const env = { RAFTKV_ENDPOINTS: await deadEndpoint() };
      const [before = "", behind] = line.split(" -- ");
      const args = [
        ...before.split(" "),
        "--timeout",
        "300ms",
        ...(behind === undefined ? [] : ["--", behind]),
      ];
      const { code, err } = await raftkv(args, { env, input: Buffer.from("\nput k v\n") });
      expect(err).to.match(/UNAVAILABLE/);
      expect(code).to.equal(3);
    });
  }
});
