import { ERRORS } from "@raftkv/protocol";
import type { ErrorCode, ErrorReply } from "@raftkv/protocol";
import { expect } from "chai";
import { afterRefusal, wantedWaitMs } from "../dist/retry.js";
import type { Standing } from "../dist/retry.js";

const READ: Standing = { isWrite: false, inSession: false, inChain: false, isOpen: false, refusals: 0 };
const WRITE: Standing = { ...READ, isWrite: true };
const IN_SESSION: Standing = { ...WRITE, inSession: true };
const BATCH: Standing = { ...IN_SESSION, inChain: true };

function reply(code: ErrorCode, retryAfterMs: number | null = null): ErrorReply {
  const { retryable } = ERRORS[code];
  const none = { leader: null, limit: null, floor: null, revision: null, lease: null, version: null };
  return { requestId: 1, op: 0, code, retryable, message: "m", retryAfterMs, ...none };
}

describe("retrying (C1)", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    it(`after ${code}`, () => {
      const write = afterRefusal(reply(code), WRITE).kind;
      const read = afterRefusal(reply(code), READ).kind;
      if (code === "NOT_LEADER" || code === "UNAVAILABLE")
        expect([write, read]).to.deep.equal(["reroute", "reroute"]);
      else if (code === "OUTCOME_UNKNOWN") expect([write, read]).to.deep.equal(["give up", "later"]);
      else if (code === "SESSION_EXPIRED" || code === "OUT_OF_ORDER")
        expect([write, read]).to.deep.equal(["give up", "give up"]);
      else if (ERRORS[code].retryable) expect([write, read]).to.deep.equal(["later", "later"]);
      else expect([write, read]).to.deep.equal(["give up", "give up"]);
    });
  }

  it("a session makes a write whose outcome was unknown one to send again (F3)", () => {
    const verdict = (standing: Standing): string => afterRefusal(reply("OUTCOME_UNKNOWN"), standing).kind;
    expect([verdict(WRITE), verdict(IN_SESSION), verdict(BATCH)]).to.deep.equal([
      "give up",
      "reroute",
      "reroute",
    ]);
    const notKept = { ...reply("OUTCOME_UNKNOWN"), revision: 7 };
    expect(afterRefusal(notKept, IN_SESSION).kind).to.equal("give up");
  });

  it("an expired session: a new one, but not for what may have been done, nor for an appender (F3)", () => {
    const verdict = (standing: Standing): string => afterRefusal(reply("SESSION_EXPIRED"), standing).kind;
    expect(verdict(IN_SESSION)).to.equal("new session");
    expect(verdict({ ...IN_SESSION, isOpen: true })).to.equal("unknown");
    expect(verdict(BATCH)).to.equal("give up");
    expect(verdict({ ...BATCH, isOpen: true })).to.equal("unknown");
  });

  it("one node's refusal says nothing of a copy that went elsewhere before", () => {
    for (const code of ["INVALID_ARGUMENT", "TOO_LARGE"] as const) {
      expect(afterRefusal(reply(code), { ...IN_SESSION, isOpen: true }).kind).to.equal("unknown");
    }
    expect(afterRefusal(reply("LEASE_NOT_FOUND"), { ...IN_SESSION, isOpen: true }).kind).to.equal("give up");
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
      const verdict = afterRefusal(reply("OVERLOADED"), { ...WRITE, refusals });
      return verdict.kind === "later" ? verdict.delayMs : expect.fail(verdict.kind);
    };
    expect(delay(0)).to.be.within(5, 16);
    expect(delay(3)).to.be.within(40, 80);
    expect(delay(1_000_000)).to.be.within(250, 504);
  });
});
