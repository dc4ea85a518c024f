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
  const given = input === null ? {} : { input };
  const captured = await raftkv(args, { ...world, ...given });
  const last = captured.err.trimEnd().split("\n").at(-1) ?? "";
  expect(last.replaceAll("`", "")).to.contain(says);
  if (args.includes("--json")) {
    const { error } = JSON.parse(last) as { readonly error: object };
    expect(error).to.include({ code, exitCode: exit });
  } else if (code !== "KEY_NOT_FOUND") expect(last).to.match(new RegExp(`^error: .* \\(${code}\\)$`));
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

describe("what docs/cli.md says of a cluster that is down:", function () {
  this.timeout(60_000);
  const cwd = temporaryDirectory();
  for (const line of wrongLines("With the cluster down")) {
    it(line.typed, async () => check(line, { cwd: cwd(), env: { RAFTKV_ENDPOINTS: await deadEndpoint() } }));
  }
});
