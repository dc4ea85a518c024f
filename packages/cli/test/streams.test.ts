import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { CliError } from "../dist/errors.js";
import { readValue } from "../dist/standard-input.js";

const BIN = fileURLToPath(new URL("../bin/raftkv.cjs", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly err: string;
}

/** Runs the command with files as its standard input and output. */
async function runOn(args: readonly string[], input: string, output: string): Promise<Ended> {
  const files = [openSync(input, "r"), openSync(output, "w")] as const;
  const child = spawn(process.execPath, [BIN, ...args], { stdio: [...files, "pipe"] });
  for (const file of files) closeSync(file);
  let err = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, err };
}

describe("a value on standard input", function () {
  this.timeout(20_000);

  it("that cannot be read is an error, and nothing is put", async () => {
    const args = ["kv", "put", "k", "-", "--endpoints", "127.0.0.1:1"];
    const { code, err } = await runOn(args, tmpdir(), "/dev/null");
    expect(err).to.equal("error: standard input cannot be read: it is a directory (BAD_INPUT)\n");
    expect(code).to.equal(2);
  });

  it("that fails half way is an error as well, not half a value", async () => {
    const half = Readable.from(
      (function* () {
        yield Buffer.from("half");
        throw new Error("EIO");
      })(),
    );
    const failure = await readValue(half).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(CliError).and.to.include({ code: "BAD_INPUT", exitCode: 2 });
  });

  it("is read up to the limit, and no further however much there is", async () => {
    let given = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(10, (given += 1));
      })(),
    );
    const failure = await readValue(endless, 100).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(CliError).and.to.include({ code: "TOO_LARGE", exitCode: 5 });
    expect(given).to.be.lessThan(100);
    expect(await readValue(Readable.from([Buffer.alloc(60), Buffer.alloc(40)]), 100)).to.have.length(100);
  });
});

describe("standard output that takes nothing more", function () {
  this.timeout(20_000);

  it("is an error in one line, and exit code 5", async function () {
    if (process.platform !== "linux") this.skip();
    const { code, err } = await runOn(["--help"], "/dev/null", "/dev/full");
    expect(err).to.match(/^error: standard output: .* \(ENOSPC\)\n$/);
    expect(code).to.equal(5);
  });
});
