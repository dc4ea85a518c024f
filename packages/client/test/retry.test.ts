import { ERRORS } from "@raftkv/protocol";
import type { ErrorCode, ErrorReply } from "@raftkv/protocol";
import { expect } from "chai";
import { afterLoss, afterRefusal, wantedWaitMs } from "../dist/retry.js";

function reply(code: ErrorCode, retryAfterMs: number | null = null): ErrorReply {
  const { retryable } = ERRORS[code];
  const none = { leader: null, limit: null, floor: null, revision: null, lease: null, version: null };
  return { requestId: 1, op: 0, code, retryable, message: "m", retryAfterMs, ...none };
}

describe("retrying (C1)", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    it(`after ${code}`, () => {
      const write = afterRefusal(reply(code), true, 0).kind;
      const read = afterRefusal(reply(code), false, 0).kind;
      if (code === "NOT_LEADER" || code === "UNAVAILABLE")
        expect([write, read]).to.deep.equal(["reroute", "reroute"]);
      else if (code === "OUTCOME_UNKNOWN") expect([write, read]).to.deep.equal(["give up", "later"]);
      else if (ERRORS[code].retryable) expect([write, read]).to.deep.equal(["later", "later"]);
      else expect([write, read]).to.deep.equal(["give up", "give up"]);
    });
  }

  it("a broken connection loses a write for good, and a read not", () => {
    expect([afterLoss(true), afterLoss(false)]).to.deep.equal(["outcome unknown", "reroute"]);
  });

  it("waits at least as long as the node asks, and at most twice that", () => {
    for (let i = 0; i < 100; i += 1) expect(wantedWaitMs(reply("OVERLOADED", 1000))).to.be.within(1000, 2000);
    expect(wantedWaitMs(reply("OVERLOADED"))).to.equal(null);
  });

  it("an absurd wait does not reach a timer (J)", () => {
    expect(wantedWaitMs(reply("OVERLOADED", Number.MAX_SAFE_INTEGER))).to.be.at.most(20_000);
  });

  it("waits grow with the refusals, to an end", () => {
    const delay = (refusals: number): number => {
      const verdict = afterRefusal(reply("OVERLOADED"), true, refusals);
      return verdict.kind === "later" ? verdict.delayMs : expect.fail(verdict.kind);
    };
    expect(delay(0)).to.be.within(5, 16);
    expect(delay(3)).to.be.within(40, 80);
    expect(delay(1_000_000)).to.be.within(250, 504);
  });
});
