import { expect } from "chai";
import { checkSyncOrder } from "./sync-order/check.js";
import { parseStrace, straceMissing } from "./sync-order/strace.js";
import { checkWriteCalls } from "./sync-order/write-calls.js";

describe("what a put does on the disks, seen with strace (R1, C8, S6)", () => {
  const missing = straceMissing();

  it("strace's lines are read, also those of a call that was interrupted", () => {
    const calls = parseStrace(
      [
        '11 100.000001 pwritev(20</d/wal/1.wal>, [{iov_base=""..., iov_len=64}], 1, 128) = 64 <0.000020>',
        "12 100.000030 fdatasync(20</d/wal/1.wal> <unfinished ...>",
        "11 100.000040 writev(25<TCP:[127.0.0.1:7401->127.0.0.1:5]>, [{iov_len=9}], 1) = 9 <0.000010>",
        "12 100.000230 <... fdatasync resumed>)   = 0 <0.000200>",
        "12 100.000300 fsync(9</d/x>) = -1 EIO (Input/output error) <0.000100>",
        "12 100.000400 --- SIGINT {si_signo=SIGINT} ---",
      ].join("\n"),
    );
    expect(calls.map(({ name, target, result }) => [name, target, result])).to.deep.equal([
      ["pwritev", "/d/wal/1.wal", 64],
      ["fdatasync", "/d/wal/1.wal", 0],
      ["writev", "TCP:[127.0.0.1:7401->127.0.0.1:5]", 9],
      ["fsync", "/d/x", -1],
    ]);
    expect(calls[1]?.endedAt).to.equal(100.00023);
  });

  for (const mode of ["nosync", "sync"] as const) {
    it(`the log is synced on a majority before the reply, the store only as FSM_SYNC_MODE=${mode} says`, async function () {
      if (missing !== null) {
        process.stderr.write(`skipped: ${missing}\n`);
        this.skip();
      }
      this.timeout(120_000);
      const order = await checkSyncOrder(mode);
      expect(order.durableBeforeReply, JSON.stringify(order)).to.equal(true);
      expect(order.storeAsConfigured, JSON.stringify(order)).to.equal(true);
    });
  }

  it("each of the store's four write calls syncs LevelDB's log as often as its options say, in both modes (S6)", async function () {
    if (missing !== null) {
      process.stderr.write(`skipped: ${missing}\n`);
      this.skip();
    }
    this.timeout(120_000);
    for (const { call, expected, mode, syncs } of await checkWriteCalls()) {
      expect(syncs, `${call} in the mode ${mode}`).to.equal(expected);
    }
  });
});
