import { ERRORS, RaftKvError, errorCodeOfWire, wireOfErrorCode } from "@raftkv/protocol";
import type { ErrorCode } from "@raftkv/protocol";
import { expect } from "chai";
import { readFileSync } from "node:fs";

const codes = Object.keys(ERRORS) as ErrorCode[];

describe("error codes", () => {
  it("have one number each on the wire, and lead back", () => {
    const wires = codes.map((code) => wireOfErrorCode(code)).filter((wire) => wire !== null);
    expect(new Set(wires).size).to.equal(wires.length);
    for (const code of codes) {
      const wire = wireOfErrorCode(code);
      if (wire !== null) expect(errorCodeOfWire(wire)).to.equal(code);
    }
    expect(errorCodeOfWire(0)).to.equal(null);
  });

  it("OUTCOME_UNKNOWN alone leaves the outcome open, and is not retryable (C1)", () => {
    expect(codes.filter((code) => !ERRORS[code].outcomeKnown)).to.deep.equal(["OUTCOME_UNKNOWN"]);
    expect(ERRORS.OUTCOME_UNKNOWN).to.include({ retryable: false, exitCode: 4 });
  });

  it("exit with 3 when another try may help, with 4 when nobody knows, else with 2 or 5", () => {
    for (const code of codes) {
      const { retryable, outcomeKnown, exitCode } = ERRORS[code];
      if (!outcomeKnown) expect(exitCode, code).to.equal(4);
      else if (retryable) expect(exitCode, code).to.equal(3);
      else expect([2, 5], code).to.include(exitCode);
    }
  });

  it("stand in docs/protocol.md as they stand here", () => {
    const docs = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
    for (const code of codes) {
      const { wire, retryable, exitCode, meaning } = ERRORS[code];
      const row = `| ${wire ?? ""} | ${code} | ${retryable ? "yes" : "no"} | ${exitCode} | ${meaning}`;
      expect(docs.replaceAll("|  |", "| |"), code).to.include(row.replaceAll("|  |", "| |"));
    }
  });

  it("an error has every fact as a field, null when there is none", () => {
    const bare = new RaftKvError("NOT_LEADER", "m");
    expect(bare).to.include({
      name: "RaftKvError",
      code: "NOT_LEADER",
      message: "m",
      retryable: true,
      exitCode: 3,
    });
    expect(bare).to.include({ leader: null, retryAfterMs: null, limit: null, outcomeKnown: true });
    expect(bare).to.include({ floor: null, revision: null, lease: null, version: null });
    expect(new RaftKvError("COMPACTED", "m", { floor: 7 })).to.include({ floor: 7, retryable: false });
    expect(bare.endpoints).to.deep.equal([]);
    expect(new RaftKvError("NOT_LEADER", "m", { retryable: false }).retryable).to.equal(false);
  });
});
