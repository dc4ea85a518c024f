import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { compileShim } from "./compile.js";
import type { Control } from "./patches.js";
import { run } from "./run.js";
import type { Mode, RoundReport } from "./run.js";

/** `npm run power-loss` goes on for longer. */
const ROUNDS = 2;
/** What a control breaks shows itself with high probability in each of these. */
const CONTROL_ROUNDS = 5;

describe("three node processes that lose power together (S1, S3, W3, W11)", function () {
  this.timeout(300_000);
  let dir: string;
  let shim: string;

  before(function () {
    dir = mkdtempSync(join(tmpdir(), "raftkv-power-loss-"));
    shim = join(dir, "power-loss.so");
    const missing = compileShim(shim);
    if (missing === null) return;
    process.stderr.write(`skipped: ${missing}\n`);
    this.skip();
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  async function reports(rounds: number, mode: Mode, control: Control | null): Promise<RoundReport[]> {
    const seed = 1 + Math.floor(Math.random() * 1_000_000);
    const all: RoundReport[] = [];
    await run({
      rounds,
      seed,
      mode,
      control,
      ordered: true,
      dir: join(dir, `${mode}-${control}`),
      shim,
      onRound: (one) => {
        all.push(one);
        return one.wrong.length === 0;
      },
    });
    return all;
  }

  for (const mode of ["nosync", "sync"] as const) {
    it(`lose nothing that was acknowledged, and are equal to a replay of the whole log: ${mode}`, async () => {
      const all = await reports(ROUNDS, mode, null);
      const replay = `npm run power-loss -- --rounds 20 --seed ${all[0]?.seed} --mode ${mode}`;
      expect(
        all.flatMap(({ wrong }) => wrong),
        replay,
      ).to.deep.equal([]);
      expect(all).to.have.length(ROUNDS);
    });
  }

  it("a log that is not synced is noticed (--control no-fsync)", async () => {
    const all = await reports(CONTROL_ROUNDS, "nosync", "no-fsync");
    expect(all.flatMap(({ wrong }) => wrong)).not.to.have.length(0);
  });
});
