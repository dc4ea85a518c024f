import { expect } from "chai";
import { groupId, LogWriter, logIndex } from "raft-ts";
import type { GroupId, LogBatch } from "raft-ts";
import { Model } from "./model.js";
import { SimulatedDisk } from "./simulated-disk.js";
import type { CrashPlan, Mount } from "./simulated-disk.js";
import { base, batch, DIR, durable, entries, hardState, random, readAll } from "./support.js";

/** WAL_SEED=n runs that one, WAL_SEEDS=n the first n. */
const SEED = Number(process.env["WAL_SEED"] ?? 0);
const SEED_COUNT = Number(process.env["WAL_SEEDS"] ?? 60);
const SEEDS = SEED === 0 ? Array.from({ length: SEED_COUNT }, (_, at) => at + 1) : [SEED];
const STEPS = 120;

/** One run: a log on a disk that crashes at random, beside a model that does not. */
class Run {
  readonly #random: (below: number) => number;
  readonly #disk = new SimulatedDisk();
  readonly #model = new Model();
  readonly #options: {
    readonly segmentBytes: number;
    readonly memtableBytes: number;
    readonly enableMemtable: boolean;
  };
  #mount: Mount = this.#disk.mount();
  #log: LogWriter | null = null;
  #acknowledged = 0;
  #term = 1;
  crashes = 0;
  compacted = 0;

  constructor(seed: number) {
    this.#random = random(seed);
    this.#options = {
      segmentBytes: [4096, 8192, 16_384][this.#random(3)] ?? 4096,
      memtableBytes: this.#random(3) * 2000,
      enableMemtable: this.#random(4) > 0,
    };
    if (this.#random(3) === 0) this.#disk.writeLimit = (bytes) => Math.ceil(bytes / (1 + this.#random(3)));
  }

  async steps(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      const log = this.#log ?? (await this.#open());
      if (log !== null) await this.#orCrash(this.#step(log));
    }
    this.#disk.fault = null;
    this.#crash();
    const log = await this.#open();
    await log?.close();
  }

  async #step(log: LogWriter): Promise<void> {
    const choice = this.#random(20);
    if (choice < 11) this.#append(log);
    else if (choice < 14) await durable(log, log.stats().nextSeq - 1);
    else if (choice < 16) await this.#compare(log, this.#group());
    else if (choice === 16) this.#crashAfter(this.#random(12));
    else if (choice === 17) this.#crash();
    else if (choice === 18 && this.#random(2) === 0) this.#compact(log);
    else if (choice === 18) {
      await log.close();
      this.#log = null;
    } else await new Promise((resolve) => setImmediate(resolve));
  }

  #group(): GroupId {
    return groupId(1 + this.#random(2));
  }

  #append(log: LogWriter): void {
    const group = this.#group();
    const known = this.#model.groups().get(group);
    const [baseIndex, lastIndex] = [known?.base.index ?? 0, known?.lastIndex ?? 0];
    if (this.#random(10) === 0) this.#term += 1;
    const change: Partial<LogBatch> = { group };
    if (this.#random(4) === 0)
      Object.assign(change, { hardState: hardState(this.#term, this.#random(2) === 0 ? null : "b") });
    let first = lastIndex + 1;
    if (this.#random(12) === 0 && lastIndex > baseIndex)
      first = baseIndex + 1 + this.#random(lastIndex - baseIndex);
    if (this.#random(15) === 0) {
      const index = baseIndex + this.#random(lastIndex - baseIndex + 3);
      const held = index === baseIndex ? known?.base.term : known?.entries.get(index)?.term;
      const matches = held !== undefined && this.#random(4) > 0;
      Object.assign(change, { base: base(index, matches ? held : this.#term + 1) });
      first = matches ? lastIndex + 1 : index + 1;
      if (!matches) this.#term += 1;
    }
    const count =
      change.hardState === undefined && change.base === undefined ? 1 + this.#random(6) : this.#random(4);
    const bodyBytes = this.#random(8) === 0 ? 1500 : this.#random(300);
    const appended = batch(entries(first, first + count, this.#term, bodyBytes, group), change);
    if (count === 0 && appended.base === null && appended.hardState === null) return;
    const seq = log.append(appended);
    this.#model.append(seq, appended);
    log.durability.wait(seq, (error) => {
      if (error === null) this.#acknowledged = Math.max(this.#acknowledged, seq);
    });
  }

  /** To an entry that may not even be durable yet; appends and crashes go on meanwhile (W5). */
  #compact(log: LogWriter): void {
    const group = this.#group();
    const known = this.#model.groups().get(group);
    const held = [...(known?.entries.values() ?? [])];
    const entry = held[this.#random(Math.max(1, held.length))];
    if (entry === undefined) return;
    const change = { base: base(entry.index, entry.term) };
    const seq = log.stats().nextSeq;
    this.#model.append(seq, batch([], { group, ...change }));
    // A crash leaves it unanswered; anything else that goes wrong is thrown where nobody can swallow it.
    void (async () => {
      const { segments } = await log.compact(group, change.base);
      this.compacted += segments;
    })();
  }

  #plan(): CrashPlan {
    const likely = this.#random(4);
    const keep = (): boolean => this.#random(4) >= likely;
    return { sector: keep, size: keep, name: keep };
  }

  #crash(): void {
    this.crashes += 1;
    if (this.#random(3) === 0) this.#disk.killProcess();
    else this.#disk.powerLoss(this.#plan());
    this.#log = null;
  }

  /** The power fails in the middle of what the log does by itself. */
  #crashAfter(operations: number): void {
    let left = operations;
    this.#disk.fault = () => {
      left -= 1;
      if (left < 0) this.#crash();
      return null;
    };
  }

  async #orCrash<T>(work: Promise<T>): Promise<T | null> {
    return Promise.race([work, this.#mount.dead.then(() => null)]);
  }

  async #open(): Promise<LogWriter | null> {
    this.#mount = this.#disk.mount();
    if (this.#random(5) === 0) this.#crashAfter(this.#random(25));
    const log = await this.#orCrash(
      LogWriter.open({ dir: DIR, sealAfterMs: 60_000, fileSystem: this.#mount, ...this.#options }),
    );
    this.#log = log;
    if (log === null) return null;
    const recovered = log.durability.durableSeq;
    expect(recovered, "nothing that was acknowledged is lost").to.be.at.least(this.#acknowledged);
    expect(recovered, "nothing is there that was not appended").to.be.at.most(this.#model.lastSeq);
    this.#model.rewind(recovered);
    this.#acknowledged = recovered;
    for (const group of [groupId(1), groupId(2)]) {
      await this.#compareRecovered(log, group);
      await this.#orCrash(this.#compare(log, group));
    }
    return this.#log;
  }

  async #compareRecovered(log: LogWriter, group: GroupId): Promise<void> {
    const expected = this.#model.groups().get(group);
    const recovered = log.recovered(group);
    if (expected === undefined) {
      expect(recovered).to.equal(null);
      return;
    }
    const { hardState: state, base: recoveredBase, lastIndex } = recovered ?? {};
    expect(state).to.deep.equal(expected.hardState);
    expect(recoveredBase).to.deep.equal(expected.base);
    expect(lastIndex).to.equal(expected.lastIndex);
    const shapes = log.shapes(group);
    expect(shapes).to.include({ from: expected.base.index + 1, to: expected.lastIndex + 1 });
    expect([...(shapes?.sizes ?? [])]).to.deep.equal(
      [...expected.entries.values()].map((frame) => frame.bytes.length),
    );
    const terms = shapes?.runs.flatMap((run) => Array.from({ length: run.to - run.from }, () => run.term));
    expect(terms).to.deep.equal([...expected.entries.values()].map((frame) => frame.term));
  }

  async #compare(log: LogWriter, group: GroupId): Promise<void> {
    const expected = [...(this.#model.groups().get(group)?.entries.values() ?? [])];
    const found = await readAll(log, group, 1 + this.#random(4000));
    expect(found.length).to.equal(expected.length);
    for (const [at, frame] of found.entries()) {
      expect(frame.index).to.equal(expected[at]?.index);
      if (!frame.bytes.equals(expected[at]?.bytes ?? Buffer.alloc(0)))
        throw new Error(`entry ${logIndex(frame.index)} differs`);
    }
  }
}

describe("the log against a model, with crashes at random (W1 to W11)", function () {
  this.timeout(0);

  it(`recovers what was acknowledged, whole batches only, in ${SEEDS.length} runs`, async () => {
    let crashes = 0;
    let compacted = 0;
    for (const seed of SEEDS) {
      const run = new Run(seed);
      try {
        await run.steps();
      } catch (error) {
        const replay = `WAL_SEED=${seed} npx mocha packages/raft/dist-test/wal/property.test.js`;
        throw new Error(`seed ${seed} failed; again: ${replay}`, { cause: error });
      }
      crashes += run.crashes;
      compacted += run.compacted;
    }
    expect(crashes).to.be.above(SEEDS.length);
    expect(compacted, "segments that were deleted").to.be.above(SEEDS.length);
  });
});
