import { expect } from "chai";
import { logIndex, WalPoisonedError } from "raft-ts";
import type { LogWriter } from "raft-ts";
import { LOSE_ALL, SimulatedDisk, systemError } from "./simulated-disk.js";
import { batch, entries, GROUP, openLog, random, readAll, settle } from "./support.js";

/** WAL_SEED=n runs that one, WAL_SEEDS=n the first n. */
const SEED = Number(process.env["WAL_SEED"] ?? 0);
const SEED_COUNT = Number(process.env["WAL_SEEDS"] ?? 200);
const SEEDS = SEED === 0 ? Array.from({ length: SEED_COUNT }, (_, at) => at + 1) : [SEED];
const IN_FLIGHT = 32;
const APPENDS = 150;

interface Flight {
  readonly seq: number;
  readonly lastIndex: number;
}

/** One run: 32 appends in flight, syncs that return when chance has it, readers in between, and a failure in every third. */
class Run {
  readonly #random: (below: number) => number;
  readonly #disk = new SimulatedDisk();
  readonly #failAt: number;
  readonly #flights: Flight[] = [];
  #log: LogWriter;
  #lastIndex = 0;
  #submitted = 0;
  /** Of what was told, in the order of telling. */
  readonly #acked: number[] = [];
  readonly #failed: number[] = [];
  #ackedIndex = 0;
  #durableIndex = 0;
  #reads = 0;
  #readTail = 0;
  jumps = 0;
  failures = 0;

  private constructor(seed: number, log: LogWriter, disk: SimulatedDisk) {
    this.#random = random(seed);
    this.#failAt = seed % 3 === 0 ? 1 + this.#random(APPENDS) : Infinity;
    this.#log = log;
    this.#disk = disk;
  }

  static async create(seed: number): Promise<Run> {
    const disk = new SimulatedDisk();
    const log = await openLog({
      fileSystem: disk.mount(),
      segmentBytes: 8192,
      enableMemtable: seed % 2 === 0,
      memtableBytes: 3000,
    });
    disk.holdSyncs = true;
    return new Run(seed, log, disk);
  }

  async steps(): Promise<void> {
    const reading: Promise<void>[] = [];
    while (this.#acked.length + this.#failed.length < APPENDS) {
      const choice = this.#random(10);
      if (choice < 5) this.#append();
      else if (choice < 7) await this.#sync();
      else if (choice === 7 && this.#reads < 4) reading.push(this.#read());
      else await new Promise((resolve) => setImmediate(resolve));
    }
    this.#disk.holdSyncs = false;
    await Promise.all(reading);
    expect(this.#acked, "in order, each once").to.deep.equal(sequence(1, this.#acked.length));
    expect(this.#failed, "in order behind them").to.deep.equal(
      sequence(this.#acked.length + 1, this.#failed.length),
    );
    expect(this.#failed.length > 0).to.equal(this.failures > 0);
    await this.#reopen();
  }

  #append(): void {
    if (this.#flights.length >= IN_FLIGHT || this.#submitted === APPENDS) return;
    this.#submitted += 1;
    const first = this.#lastIndex + 1;
    const count = 1 + this.#random(3);
    let seq = 0;
    try {
      seq = this.#log.append(batch(entries(first, first + count, 1, this.#random(400))));
    } catch (error) {
      expect(error, "only a failed log refuses").to.be.instanceOf(WalPoisonedError);
      expect(this.failures).to.equal(1);
      this.#failed.push(this.#submitted);
      return;
    }
    expect(seq, "positions count up by one").to.equal(this.#submitted);
    this.#lastIndex += count;
    this.#flights.push({ seq, lastIndex: this.#lastIndex });
    this.#log.durability.wait(seq, (error) => this.#told(seq, error));
  }

  #told(seq: number, error: Error | null): void {
    const flight = this.#flights.shift();
    expect(flight?.seq, "the oldest in flight is told first").to.equal(seq);
    if (error !== null) {
      this.#failed.push(seq);
      return;
    }
    this.#acked.push(seq);
    expect(this.#log.durability.durableSeq).to.be.at.least(seq);
    this.#ackedIndex = flight?.lastIndex ?? 0;
    const durable = this.#log.stats().groups[0]?.durableIndex ?? 0;
    expect(durable, "no ack before it is durable").to.be.at.least(this.#ackedIndex);
    expect(durable, "the durable tail never goes back").to.be.at.least(this.#durableIndex);
    this.#durableIndex = durable;
  }

  /** The sync under way returns, or fails; the next batch is everything that has queued up. */
  async #sync(): Promise<void> {
    if (this.#disk.heldSyncs === 0) return;
    const before = this.#acked.length;
    if (this.#submitted >= this.#failAt && this.failures === 0) {
      this.failures += 1;
      // What was held would have succeeded; the one after it fails.
      this.#disk.fault = (operation) => (operation === "datasync" ? systemError("EIO", "the disk") : null);
    }
    this.#disk.held.shift()?.();
    await Promise.resolve();
    if (this.#acked.length - before > 1) this.jumps += 1;
  }

  /** Reads a piece of the log, while the tail moves: what comes back is in order, without a gap, as it was written. */
  async #read(): Promise<void> {
    if (this.#lastIndex === 0) return;
    this.#reads += 1;
    const from = 1 + this.#random(this.#lastIndex);
    const to = from + 1 + this.#random(this.#lastIndex + 1 - from);
    const range = { from: logIndex(from), to: logIndex(to) };
    try {
      const frames = await this.#log.read(GROUP, range, { maxBytes: 1 + this.#random(2000) });
      expect(frames.length).to.be.within(1, to - from);
      for (const [at, frame] of frames.entries()) expect(frame.index).to.equal(from + at);
      this.#readTail = Math.max(this.#readTail, frames.at(-1)?.index ?? 0);
      expect(this.#readTail, "nothing is read that was not appended").to.be.at.most(this.#lastIndex);
    } catch (error) {
      expect(error, "a failed log answers no reads").to.be.instanceOf(WalPoisonedError);
      expect(this.failures).to.equal(1);
    } finally {
      this.#reads -= 1;
    }
  }

  /** After a power loss that leaves only what was synced, everything that was acknowledged is there. */
  async #reopen(): Promise<void> {
    await settle();
    this.#disk.powerLoss(LOSE_ALL);
    const log = await openLog({ fileSystem: this.#disk.mount(), segmentBytes: 8192 });
    const frames = await readAll(log, GROUP, 100_000);
    expect(frames.length).to.be.within(this.#ackedIndex, this.#lastIndex);
    for (const [at, frame] of frames.entries()) expect(frame.index).to.equal(at + 1);
    await log.close();
  }
}

function sequence(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

describe("32 appends in flight, with syncs that return at random (W1, C8)", function () {
  this.timeout(120_000);

  it(`keeps acks, tail and reads in order, in ${SEEDS.length} runs, and a failure releases none wrongly`, async () => {
    let jumps = 0;
    let failures = 0;
    for (const seed of SEEDS) {
      try {
        const run = await Run.create(seed);
        await run.steps();
        jumps += run.jumps;
        failures += run.failures;
      } catch (error) {
        const replay = `WAL_SEED=${seed} npx mocha packages/raft/dist-test/wal/pipeline.test.js`;
        throw new Error(`seed ${seed} failed; again: ${replay}`, { cause: error });
      }
    }
    if (SEED !== 0) return;
    process.stdout.write(
      `      ${SEEDS.length * APPENDS} appends: ${jumps} jumps over several, ${failures} failures\n`,
    );
    expect(jumps, "jumps that released several").to.be.above(SEEDS.length);
    expect(failures).to.be.above(SEEDS.length / 4);
  });
});
