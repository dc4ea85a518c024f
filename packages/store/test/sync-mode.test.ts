import { expect } from "chai";
import { InvalidFsmSyncModeError, parseFsmSyncMode } from "@raftkv/store";

describe("FSM_SYNC_MODE", () => {
  it("is nosync when unset or blank, and reads both modes trimmed and in any case", () => {
    const expected = {
      "": "nosync",
      "  ": "nosync",
      sync: "sync",
      " SYNC\n": "sync",
      nosync: "nosync",
      " NoSync ": "nosync",
    };
    expect(parseFsmSyncMode(undefined)).to.equal("nosync");
    for (const [text, mode] of Object.entries(expected)) expect(parseFsmSyncMode(text), text).to.equal(mode);
  });

  it("refuses anything else, naming the value and both modes", () => {
    for (const text of ["banana", "no-sync", "true", "0", "sync nosync"]) {
      expect(() => parseFsmSyncMode(text))
        .to.throw(InvalidFsmSyncModeError)
        .that.satisfies((error: InvalidFsmSyncModeError) => {
          expect(error.code).to.equal("BAD_FSM_SYNC_MODE");
          expect(error.message).to.include(`"${text}"`).and.include('"sync"').and.include('"nosync"');
          return true;
        });
    }
  });
});
