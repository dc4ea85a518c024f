import { systemError } from "../wal/simulated-disk.js";
import type { CrashPlan, Operation, SimulatedDisk } from "../wal/simulated-disk.js";
import type { Context } from "./context.js";
import type { DiskFault } from "./disk-faults.js";
import type { Random } from "./random.js";

const SYNCS: ReadonlySet<Operation> = new Set(["datasync", "sync", "syncDirectory"]);
const TAKES_SPACE: ReadonlySet<Operation> = new Set(["writev", "open", "link"]);

/** Makes a simulated disk take its time, and fail, as the run's parameters say. */
export class DiskBehaviour {
  readonly #context: Context;
  readonly #random: Random;
  readonly #disk: SimulatedDisk;
  /** Called when power is to be lost after so long. */
  losePower: (delayMicros: number) => void = () => undefined;
  /** Times slower than usual. */
  slowness = 1;
  /** A sync failed since the last power loss: what programs see may be on no disk. */
  hasForgotten = false;

  constructor(context: Context, random: Random, disk: SimulatedDisk) {
    this.#context = context;
    this.#random = random;
    this.#disk = disk;
    disk.pace = (operation, _path, effect, done) => {
      // A call that the process does not come back from has taken effect, or not.
      const isLate = random.chance(0.5);
      if (!isLate) effect();
      context.after(this.#latency(operation), () => {
        if (isLate) effect();
        done();
        context.isUnsettled = true;
      });
    };
    disk.writeLimit = (bytes) => (this.#strikes("shortWrite") ? random.between(1, bytes) : bytes);
    disk.failedWriteTakes = (bytes) => random.below(bytes + 1);
    disk.failedSyncKeeps = () => random.chance(0.5);
  }

  /** A new process has mounted it. */
  mounted(): void {
    this.#disk.fault = (operation, path) => this.#failure(operation, path);
  }

  /** How strong a fault is now. */
  now(fault: DiskFault): number {
    const { healed, parameters } = this.#context;
    return healed ? 0 : (parameters.disk?.faults[fault] ?? 0);
  }

  /** What a power loss leaves of what is pending: everything, nothing, or some. */
  powerLoss(): void {
    const keep = this.#random.pick([0, 0.3, 0.5, 0.9, 1]);
    let kept = 0;
    let lost = 0;
    const plan: CrashPlan = {
      sector: () => {
        const isKept = this.#random.chance(keep);
        if (isKept) kept += 1;
        else lost += 1;
        return isKept;
      },
      size: () => this.#random.chance(keep),
      name: () => {
        const isKept = this.#random.chance(keep);
        if (!isKept) this.#context.count("namesLost");
        return isKept;
      },
    };
    this.#disk.powerLoss(plan);
    this.#context.count("sectorsLost", lost);
    if (kept > 0 && lost > 0) this.#context.count("tornWrites");
    this.hasForgotten = false;
  }

  #failure(operation: Operation, path: string): Error | null {
    if (this.#strikes("powerLossInCall")) {
      this.losePower(this.#random.fraction() * this.#latency(operation));
    }
    if (SYNCS.has(operation)) {
      if (!this.#random.chance(this.#context.faultNow("syncFailure"))) return null;
      this.#context.count("syncFailure");
      this.hasForgotten = true;
      return systemError("EIO", `${operation} ${path}`);
    }
    if (TAKES_SPACE.has(operation) && this.#strikes("noSpace")) {
      return systemError("ENOSPC", `${operation} ${path}`);
    }
    const fault = operation === "writev" ? "writeFailure" : "callFailure";
    return this.#strikes(fault) ? systemError("EIO", `${operation} ${path}`) : null;
  }

  #strikes(fault: DiskFault): boolean {
    const does = this.#random.chance(this.now(fault));
    if (does) this.#context.count(fault);
    return does;
  }

  #latency(operation: Operation): number {
    const share = SYNCS.has(operation) ? this.#random.magnitude(0.5, 4) : this.#random.magnitude(0.01, 0.2);
    return share * this.#context.parameters.diskMicros * this.slowness;
  }
}
