import { readFileSync } from "node:fs";
import { expect } from "chai";
import { ConfigurationError } from "@raftkv/node";
import { RaftKvError } from "@raftkv/client";
import { parseSignal } from "../dist/cluster/kill.js";
import { formatDuration, parseDuration } from "../dist/duration.js";
import { parseEndpoints } from "../dist/endpoints.js";
import { CliError, reportOf } from "../dist/errors.js";
import { EXIT, EXIT_MEANINGS } from "../dist/exit-codes.js";
import { exampleText } from "../dist/example-text.js";
import { counted } from "../dist/numbers.js";
import { bytesFields } from "../dist/output.js";

describe("durations", () => {
  const cases = {
    "1ms": 1,
    "500ms": 500,
    "5s": 5_000,
    "1.5s": 1_500,
    "1m": 60_000,
    "1.5m": 90_000,
    "2h": 7_200_000,
  };
  for (const [text, ms] of Object.entries(cases)) {
    it(`${text} is ${ms} ms`, () => {
      expect(parseDuration("--timeout", text)).to.equal(ms);
      expect(parseDuration("--timeout", formatDuration(ms))).to.equal(ms);
    });
  }

  for (const text of [
    "",
    "5",
    "s",
    "-5s",
    "0s",
    "0.1ms",
    "1e3s",
    "5 s",
    "5S",
    "25d",
    "600h",
    "Infinity",
    "5s5s",
  ]) {
    it(`"${text}" is refused, naming the option and an example`, () => {
      expect(() => parseDuration("--timeout", text)).to.throw(CliError, /--timeout is ".*500ms/);
    });
  }
});

describe("endpoints", () => {
  it("are HOST:PORT with commas between, each once, blanks and schemes allowed", () => {
    const found = parseEndpoints("--endpoints", "127.0.0.1:1, [::1]:2,http://localhost:3/,127.0.0.1:1");
    expect(found.map(({ address }) => address)).to.deep.equal(["127.0.0.1:1", "[::1]:2", "localhost:3"]);
  });

  for (const text of [
    "",
    ",",
    "a",
    "a:0",
    "a:65536",
    "a:1,",
    "a:1,,b:2",
    "u@a:1",
    "a/b:1",
    "300.1.1.1:1",
    "::1:7",
  ]) {
    it(`"${text}" is refused with exit code 2`, () => {
      expect(() => parseEndpoints("RAFTKV_ENDPOINTS", text))
        .to.throw(CliError, /RAFTKV_ENDPOINTS/)
        .with.property("exitCode", 2);
    });
  }
});

describe("signals", () => {
  it("go by their name, with and without SIG, or by their number", () => {
    expect(["SIGKILL", "KILL", "kill", "9", " term "].map(parseSignal)).to.deep.equal([
      "SIGKILL",
      "SIGKILL",
      "SIGKILL",
      "SIGKILL",
      "SIGTERM",
    ]);
    expect(() => parseSignal("SIGNOPE")).to.throw(CliError, /SIGNOPE.*SIGKILL/);
    expect(() => parseSignal("")).to.throw(CliError);
  });
});

describe("exit codes", () => {
  it("of every error that a client can meet are those of the table", () => {
    const codes = {
      OUTCOME_UNKNOWN: EXIT.outcomeUnknown,
      UNAVAILABLE: EXIT.unavailable,
      TIMEOUT: EXIT.unavailable,
    } as const;
    for (const [code, exitCode] of Object.entries(codes)) {
      expect(reportOf(new RaftKvError(code as keyof typeof codes, "x")).exitCode, code).to.equal(exitCode);
    }
    expect(reportOf(new RaftKvError("TOO_LARGE", "x")).exitCode).to.equal(EXIT.refused);
    expect(reportOf(new ConfigurationError("--x", "y", "z")).exitCode).to.equal(EXIT.usage);
  });

  it("of an error that nobody expected is 70, with the place where it happened", () => {
    const report = reportOf(new TypeError("oops"));
    expect(report.exitCode).to.equal(EXIT.brokenInvariant);
    expect(report.message).to.contain("text-forms.test");
    expect(reportOf("a string").exitCode).to.equal(EXIT.brokenInvariant);
  });

  it("stand in docs/cli.md as they stand in the code", () => {
    const docs = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
    const table = [...docs.matchAll(/^\| (\d+) \| (.+?) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
    expect(table).to.deep.equal(Object.entries(EXIT_MEANINGS));
  });
});

describe("bytes in JSON", () => {
  it("are text where they are UTF-8, and base64 where they are not", () => {
    expect(bytesFields("key", Buffer.from("ä"))).to.deep.equal({ key: "ä", keyBase64: null });
    expect(bytesFields("key", Buffer.from([0xff, 0x00]))).to.deep.equal({ key: null, keyBase64: "/wA=" });
    expect(bytesFields("value", Buffer.from("\ufeffx"))).to.deep.equal({
      value: "\ufeffx",
      valueBase64: null,
    });
  });
});

describe("numbers of things", () => {
  it("have a plural but for one", () => {
    expect([0, 1, 2].map((count) => counted(count, "key"))).to.deep.equal(["0 keys", "1 key", "2 keys"]);
  });
});

describe("examples", () => {
  const examples = [
    { command: "raftkv kv get k", about: "its value" },
    { command: "raftkv kv get k --json", about: "more" },
  ];

  it("stand beside what is said about them, where there is room", () => {
    expect(exampleText(examples, 35)).to.equal(
      "  raftkv kv get k         its value\n  raftkv kv get k --json  more",
    );
  });

  it("stand above it else, whole", () => {
    expect(exampleText(examples, 34)).to.equal(
      "  raftkv kv get k\n      its value\n  raftkv kv get k --json\n      more",
    );
  });
});
