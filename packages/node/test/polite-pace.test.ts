import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { PolitePace } from "../dist/polite-pace.js";
import { processorWaitMs } from "../dist/processor-wait.js";

/** A process that works in pieces of 10 ms, and rests behind each as it is told. */
class Worked {
  #nowMs = 0;
  #ranMs = 0;
  #waitedMs = 0;
  readonly pace = new PolitePace({
    nowMs: () => this.#nowMs,
    ranMs: () => this.#ranMs,
    waitedMs: () => this.#waitedMs,
  });

  /** For so long; returns the part of a processor that it took. `waits`: of each piece, how long others kept it from one. */
  work(ms: number, waits = 0): number {
    const [beganMs, ranMs] = [this.#nowMs, this.#ranMs];
    while (this.#nowMs < beganMs + ms) {
      this.#nowMs += 10 + waits;
      this.#ranMs += 10;
      this.#waitedMs += waits;
      this.#nowMs += this.pace.restMs();
    }
    return (this.#ranMs - ranMs) / (this.#nowMs - beganMs);
  }
}

describe("A polite pace", () => {
  const directory = mkdtempSync(join(tmpdir(), "raftkv-pace-"));
  after(() => rmSync(directory, { recursive: true }));

  it("does not rest while nobody waits for a processor", () => {
    expect(new Worked().work(10_000)).to.equal(1);
  });

  it("takes a fifth of a processor while others want them, and all of it some seconds after they do not", () => {
    const worked = new Worked();
    worked.work(2_000, 2);
    expect(worked.work(5_000, 2)).to.be.within(0.18, 0.25);
    worked.work(10_000);
    expect(worked.work(1_000)).to.equal(1);
  });

  it("takes more each time that it is told to hurry, until it is told to ease off or is done", () => {
    const worked = new Worked();
    worked.work(2_000, 2);
    for (let i = 0; i < 3; i++) worked.pace.hurry();
    expect(worked.work(5_000, 2)).to.be.within(0.28, 0.34);
    for (let i = 0; i < 12; i++) worked.pace.hurry();
    expect(worked.work(5_000, 2)).to.be.above(0.8);
    for (let i = 0; i < 12; i++) worked.pace.ease();
    worked.work(2_000, 2);
    expect(worked.work(5_000, 2)).to.be.within(0.28, 0.34);
    worked.pace.done();
    worked.work(2_000, 2);
    expect(worked.work(5_000, 2)).to.be.within(0.18, 0.25);
  });

  it("reads what the kernel tells of the event loop, and nothing where it does not", async () => {
    const path = join(directory, "schedstat");
    await writeFile(path, "8000000 2500000 17\n");
    expect(processorWaitMs(path)).to.equal(2.5);
    expect(processorWaitMs(`${path}.none`)).to.equal(0);
  });
});
