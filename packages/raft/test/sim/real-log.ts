import type { GroupId, LogBatch, LogWriter, WalEvent } from "raft-ts";
import { SimulatedDisk } from "../wal/simulated-disk.js";
import type { Context } from "./context.js";
import { DiskBehaviour } from "./disk-behaviour.js";
import type { DiskFault, DiskParameters } from "./disk-faults.js";
import type { DurableLog, LogCallbacks, LogWrite, Recovered } from "./durable-log.js";
import type { SimBase } from "./entry.js";
import type { EntryFrames } from "./entry-frames.js";
import { check, SimulationFailure } from "./failure.js";
import { FoldedLog } from "./folded-log.js";
import type { FoldObserver } from "./folded-log.js";
import { PLANTS } from "./planted-damage.js";
import type { PlantedDamage } from "./planted-damage.js";
import type { Random } from "./random.js";
import { readRecovered } from "./recovered-log.js";
import { segmentsOn } from "./wal-layout.js";
import type { WalModule } from "./wal-module.js";

const DIR = "wal";

/** What all logs of a run share. */
export interface RealLogs {
  readonly context: Context;
  readonly wal: WalModule;
  readonly group: GroupId;
  readonly frames: EntryFrames;
  readonly parameters: DiskParameters;
}

/** One process that has the log open, or is opening it. */
interface Life {
  readonly callbacks: LogCallbacks;
  log: LogWriter | null;
  /** It knows what it is to know, and was told so. */
  isOpen: boolean;
  /** What the log says of what is on disk. */
  durableSeq: number;
  isReporting: boolean;
  hasFailed: boolean;
}

/**
 * The real log, on a disk that forgets what was not synced. It keeps a list of what was handed over, so that after each
 * opening it can tell: what was promised is there, whole batches only, and nothing else.
 */
export class RealLog implements DurableLog {
  readonly #around: RealLogs;
  readonly #random: Random;
  readonly #start: SimBase;
  readonly #disk = new SimulatedDisk();
  readonly #behaviour: DiskBehaviour;
  /** What was promised: every write up to this position. */
  readonly #promised: FoldedLog;
  #promisedSeq = 0;
  /** The last of these that had anything in it: one without is a barrier, and leaves nothing on the disk. */
  #promisedContentSeq = 0;
  /** Handed over after that, in order. */
  #pending: LogWrite[] = [];
  #lastEpoch = 0;
  #life: Life | null = null;
  #damage: PlantedDamage | null = null;

  constructor(around: RealLogs, name: string, start: SimBase, observe: FoldObserver) {
    this.#around = around;
    this.#start = start;
    this.#random = around.context.random(`disk ${name}`);
    this.#behaviour = new DiskBehaviour(around.context, this.#random, this.#disk);
    this.#behaviour.losePower = (delayMicros) => {
      const life = this.#life;
      if (life !== null) this.#later(life, delayMicros, () => life.callbacks.failed("powerLoss"));
    };
    this.#promised = new FoldedLog(start, observe);
  }

  get durable(): Recovered {
    return this.#promised;
  }

  get slowness(): number {
    return this.#behaviour.slowness;
  }

  set slowness(times: number) {
    this.#behaviour.slowness = times;
  }

  get hasUnsynced(): boolean {
    return this.#behaviour.hasForgotten || this.#disk.pending().length > 0;
  }

  open(callbacks: LogCallbacks): void {
    const { context, parameters, wal } = this.#around;
    this.#plant();
    const mount = this.#disk.mount();
    this.#behaviour.mounted();
    const life: Life = {
      callbacks,
      log: null,
      isOpen: false,
      durableSeq: 0,
      isReporting: false,
      hasFailed: false,
    };
    this.#life = life;
    context.isUnsettled = true;
    const opening = wal.LogWriter.open({
      dir: DIR,
      segmentBytes: parameters.segmentBytes,
      sealAfterMs: parameters.sealAfterMs,
      enableMemtable: parameters.enableMemtable,
      memtableBytes: parameters.memtableBytes,
      fileSystem: mount,
      clock: {
        now: () => context.now / 1000,
        after: (delayMs, run) => this.#later(life, delayMs * 1000, run),
      },
      onEvent: (event) => this.#told(event),
    });
    opening.then((log) => this.#opened(life, log)).catch((error: unknown) => this.#refused(life, error));
  }

  append(write: LogWrite): void {
    const life = this.#life;
    if (life === null || life.log === null || life.hasFailed) return;
    this.#around.context.isUnsettled = true;
    const seq = this.#submit(life, life.log, write);
    // The process has not heard yet that its log has failed.
    if (seq === null) return;
    this.#pending.push(write);
    const expected = this.#promisedSeq + this.#pending.length;
    check(
      seq === expected && seq > 0,
      "positions count up by one from 1, over restarts too (W7, W8)",
      () => `the append after position ${expected - 1} got ${seq}`,
    );
    life.log.durability.wait(seq, (error) => {
      if (life !== this.#life) return;
      if (error !== null) this.#fail(life);
      else this.#reached(life, seq);
    });
  }

  crash(kind: "kill" | "powerLoss"): void {
    this.#around.context.count("batches", this.#life?.log?.stats().batches ?? 0);
    this.#life = null;
    this.#around.context.isUnsettled = true;
    this.#mend();
    if (kind === "kill") this.#disk.killProcess();
    else this.#behaviour.powerLoss();
  }

  /** Null when the log has failed. */
  #submit(life: Life, log: LogWriter, write: LogWrite): number | null {
    const { frames, group } = this.#around;
    const { base, entries, hardState } = write;
    try {
      if (base?.kind !== "compacted") {
        const batch: LogBatch = {
          group,
          hardState,
          base: base?.base ?? null,
          entries: entries.map((entry) => frames.frameOf(entry)),
        };
        return log.append(batch);
      }
      const seq = log.stats().nextSeq;
      log.compact(group, base.base).catch((error: unknown) => {
        if (codeOf(error) !== "WAL_POISONED") this.#around.context.broke(error);
        else if (life === this.#life) this.#fail(life);
      });
      return seq;
    } catch (error) {
      if (codeOf(error) !== "WAL_POISONED") throw error;
      this.#fail(life);
      return null;
    }
  }

  #reached(life: Life, seq: number): void {
    life.durableSeq = seq;
    if (life.isReporting) return;
    life.isReporting = true;
    this.#later(life, 0, () => {
      life.isReporting = false;
      const done = this.#fold(life.durableSeq - this.#promisedSeq);
      if (life.isOpen) life.callbacks.completed(done);
      else
        this.#ready(life, { hardState: this.#promised.hardState, entries: this.#promised.entries.clone() });
    });
  }

  /** The next `count` writes count as promised from now on. */
  #fold(count: number): LogWrite[] {
    const done = this.#pending.splice(0, count);
    for (const write of done) {
      this.#promised.fold(write);
      this.#promisedSeq += 1;
      if (hasContent(write)) this.#promisedContentSeq = this.#promisedSeq;
    }
    return done;
  }

  #fail(life: Life): void {
    if (life.hasFailed) return;
    life.hasFailed = true;
    this.#around.context.count("failures");
    this.#later(life, 0, () => life.callbacks.failed("kill"));
  }

  /** Reads the whole log, and judges it. */
  async #opened(life: Life, log: LogWriter): Promise<void> {
    if (life !== this.#life) return;
    const { context, frames, group } = this.#around;
    const damage = this.#damage;
    check(
      damage === null || damage.refusal === null,
      "damage to what was synced is refused (W2, W3, W6)",
      () => `opened with ${damage?.fault}: ${damage?.where}`,
    );
    this.#damage = null;
    check(
      log.epoch > this.#lastEpoch,
      "each opening claims the next epoch (W6)",
      () => `${log.epoch} after ${this.#lastEpoch}`,
    );
    this.#lastEpoch = log.epoch;
    const { durableSeq } = log.durability;
    const last = this.#promisedSeq + this.#pending.length;
    check(
      durableSeq >= this.#promisedContentSeq && durableSeq <= last,
      "what was acknowledged is there after a crash, and nothing that was never written (W3, W11)",
      () =>
        `positions up to ${durableSeq} are there, ${this.#promisedContentSeq} was promised, ${last} written`,
    );
    this.#fold(Math.max(0, durableSeq - this.#promisedSeq));
    this.#promisedSeq = durableSeq;
    context.count("lostWrite", this.#pending.length);
    this.#pending = [];
    const found = await readRecovered(log, {
      group,
      frames,
      promised: this.#promised,
      segments: segmentsOn(this.#disk),
      maxBytes: this.#random.between(1, 8_000),
    });
    context.count("openings");
    if (found !== null) context.count("entriesRead", found.entries.lastIndex - found.entries.baseIndex);
    life.log = log;
    if (found !== null) this.#later(life, 0, () => this.#ready(life, found));
    // What a new group begins with is the first thing that its log must keep.
    else this.append(beginning(this.#start, this.#promised));
  }

  #ready(life: Life, found: Recovered): void {
    life.isOpen = true;
    this.#intrudeLater(life);
    life.callbacks.opened(found);
  }

  #refused(life: Life, error: unknown): void {
    if (life !== this.#life) return;
    const code = codeOf(error);
    if (code === "EIO" || code === "ENOSPC" || code === "WAL_POISONED") {
      this.#fail(life);
      return;
    }
    if (code === null || !code.startsWith("WAL_")) {
      this.#around.context.broke(error);
      return;
    }
    const damage = this.#damage;
    if (damage === null || damage.refusal !== code) {
      const what = "a log that only crashes and failures have met opens again (W3, W4, W6)";
      const details = `${(error as Error).message}${damage === null ? "" : `, with ${damage.fault}: ${damage.where}`}`;
      this.#around.context.broke(new SimulationFailure(what, details));
      return;
    }
    // Somebody puts it right, and starts it again.
    this.#around.context.count("refusals");
    this.#mend();
    this.#fail(life);
  }

  /** Damages the log before it is opened, now and then. */
  #plant(): void {
    for (const [fault, plant] of Object.entries(PLANTS) as [DiskFault, (typeof PLANTS)["bitFlip"]][]) {
      if (this.#damage !== null || !this.#random.chance(this.#behaviour.now(fault))) continue;
      const { group, wal } = this.#around;
      const planted = plant?.({ disk: this.#disk, dir: DIR, group, random: this.#random, wal }) ?? null;
      if (planted !== null) this.#around.context.count(fault);
      this.#damage = planted;
    }
  }

  #mend(): void {
    this.#damage?.mend();
    this.#damage = null;
  }

  #intrudeLater(life: Life): void {
    const { context, wal } = this.#around;
    const often = this.#behaviour.now("secondOpener");
    if (often === 0) return;
    this.#later(life, this.#random.wait(context.parameters.nemesisMicros / often), () => {
      if (context.healed) return;
      context.count("secondOpener");
      const letIn = (details: string): void =>
        context.broke(new SimulationFailure("a second writer is kept out (W6)", details));
      wal.LogWriter.open({ dir: DIR, fileSystem: this.#disk.intrude() }).then(
        () => letIn("it was let in"),
        (error: unknown) => {
          if (codeOf(error) !== "WAL_LOCKED") letIn(String(error));
        },
      );
      this.#intrudeLater(life);
    });
  }

  #told(event: WalEvent): void {
    const { context } = this.#around;
    const isAtWork = (this.#life?.log ?? null) !== null;
    if (event.kind === "tail-cut") context.count("tornTails");
    else if (event.kind === "segment-deleted") context.count("segmentsDeleted");
    else if (event.kind === "segment-started" && isAtWork) context.count("rotations");
  }

  /** Calls `run` unless the process is gone by then. Returns what calls that off. */
  #later(life: Life, delayMicros: number, run: () => void): () => void {
    const { context } = this.#around;
    let isDue = true;
    context.after(delayMicros, () => {
      if (!isDue || life !== this.#life) return;
      context.isUnsettled = true;
      run();
    });
    return () => {
      isDue = false;
    };
  }
}

function beginning(start: SimBase, { hardState }: Recovered): LogWrite {
  return { writeSeq: 0, hardState, base: { kind: "installed", ...start }, entries: [], thenSend: [] };
}

function hasContent({ base, entries, hardState }: LogWrite): boolean {
  return base !== null || hardState !== null || entries.length > 0;
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
