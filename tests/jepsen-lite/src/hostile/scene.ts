import type { Target } from "./raw-socket.js";

/** How often the loader looks at what it has used, and whether it is over. */
const SLICE_MS = 5;
/** CPU time that may be used in one go after a rest. */
const BURST_MS = 20;
const LOOK_MS = 20;
const LIMIT_MS = 60_000;

export interface SceneOptions {
  readonly target: Target;
  readonly seconds: number;
  /** The part of one core that this process may use; 1 for no limit. */
  readonly coreShare: number;
  /** It goes on until these ends were seen as well, for a minute at most. */
  readonly until?: readonly string[];
}

/** What one misbehaviour acts in: where, for how long, and what it has seen. */
export class Scene {
  readonly target: Target;
  readonly #options: SceneOptions;
  readonly #startMs = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #ends = new Map<string, number>();
  readonly #over: Promise<void>;
  /** CPU time used beyond the part of a core, in milliseconds; negative for what may still be used. */
  #debtMs = 0;
  #debtAtMs = this.#startMs;
  #debtCpuMs = 0;
  #queue = Promise.resolve();

  constructor(options: SceneOptions) {
    this.target = options.target;
    this.#options = options;
    this.#over = new Promise((resolve) => {
      const timer = setInterval(() => {
        if (!this.isOver) return;
        clearInterval(timer);
        resolve();
      }, LOOK_MS);
    });
  }

  get isOver(): boolean {
    const { seconds, until = [] } = this.#options;
    const elapsedMs = performance.now() - this.#startMs;
    if (elapsedMs < seconds * 1_000) return false;
    return elapsedMs > LIMIT_MS + seconds * 1_000 || until.every((end) => this.#ends.has(end));
  }

  count(end: string, times = 1): void {
    if (times > 0) this.#ends.set(end, (this.#ends.get(end) ?? 0) + times);
  }

  get ends(): Record<string, number> {
    return Object.fromEntries(this.#ends);
  }

  /** The rest of the time, or until what is waited for has come. */
  async rest(until: Promise<unknown> = this.#over): Promise<void> {
    await Promise.race([this.#over, until]);
  }

  /** Lets the event loop turn, and waits for as long as this process has used more than its part of a core; one after the other. */
  breathe(): Promise<void> {
    this.#queue = this.#queue.then(() => this.#rested());
    return this.#queue;
  }

  async #rested(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (!this.isOver && this.#isInDebt()) await new Promise((resolve) => setTimeout(resolve, SLICE_MS));
  }

  #isInDebt(): boolean {
    const nowMs = performance.now();
    const cpuMs = this.#cpuMs;
    const earnedMs = (nowMs - this.#debtAtMs) * this.#options.coreShare;
    this.#debtMs = Math.max(-BURST_MS, this.#debtMs + cpuMs - this.#debtCpuMs - earnedMs);
    this.#debtAtMs = nowMs;
    this.#debtCpuMs = cpuMs;
    return this.#debtMs > 0;
  }

  get #cpuMs(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return (user + system) / 1_000;
  }

  get coresUsed(): number {
    return this.#cpuMs / Math.max(1, performance.now() - this.#startMs);
  }
}
