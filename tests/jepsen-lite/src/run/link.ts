import { connect } from "node:net";
import type { Socket } from "node:net";

/** Of a link: from the one who dials to the one who listens, or the other way. */
export type Direction = "there" | "back";

/** What a direction does to the bytes on it. */
export interface Quality {
  /** Nothing passes, and nobody is told: what is sent waits, as behind a network that is down. */
  readonly cut: boolean;
  readonly delayMs: number;
  /** `null`: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

export const CLEAR: Quality = { cut: false, delayMs: 0, bytesPerSecond: null };
/** Above this the sender is held back, as by a full window. */
const QUEUED_BYTES_MAX = 1024 * 1024;
const DIRECTIONS: readonly Direction[] = ["there", "back"];

/** One direction of one connection. Bytes keep their order, whatever is done to them. */
class Pipe {
  quality: Quality;
  readonly #from: Socket;
  readonly #into: Socket;
  readonly #queue: { readonly data: Buffer; readonly dueMs: number }[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  #hasEnded = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, into: Socket, quality: Quality) {
    this.#from = from;
    this.#into = into;
    this.quality = quality;
    from.on("data", (data: Buffer) => this.#take(data));
    from.on("close", () => {
      this.#hasEnded = true;
      this.flush();
    });
    into.on("drain", () => this.flush());
  }

  get isHolding(): boolean {
    return this.#queue.length > 0;
  }

  /** Passes on what is due. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.quality.cut) return;
    const nowMs = performance.now();
    while (!this.#into.writableNeedDrain) {
      const head = this.#queue[0];
      if (head === undefined) break;
      if (head.dueMs > nowMs) {
        this.#timer = setTimeout(() => this.flush(), head.dueMs - nowMs);
        break;
      }
      this.#queue.shift();
      this.#queuedBytes -= head.data.length;
      if (!this.#into.destroyed) this.#into.write(head.data);
    }
    if (this.#queuedBytes < QUEUED_BYTES_MAX) this.#from.resume();
    // The end of a connection is news as well: it does not overtake what was sent before, nor pass a cut.
    if (this.#hasEnded && this.#queue.length === 0) this.#into.destroySoon();
  }

  drop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#from.destroy();
    this.#into.destroy();
  }

  #take(data: Buffer): void {
    const { bytesPerSecond, delayMs } = this.quality;
    const takesMs = bytesPerSecond === null ? 0 : (data.length * 1000) / bytesPerSecond;
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + delayMs) + takesMs;
    this.#queue.push({ data, dueMs: this.#lastDueMs });
    this.#queuedBytes += data.length;
    if (this.#queuedBytes >= QUEUED_BYTES_MAX) this.#from.pause();
    this.flush();
  }
}

/** A way to an address that can be cut in each direction, delayed, throttled, and whose connections can be broken. */
export class Link {
  readonly #target: string;
  readonly #connections = new Set<Readonly<Record<Direction, Pipe>>>();
  readonly #quality: Record<Direction, Quality> = { there: CLEAR, back: CLEAR };

  constructor(target: string) {
    this.#target = target;
  }

  quality(direction: Direction): Quality {
    return this.#quality[direction];
  }

  set(direction: Direction, quality: Partial<Quality>): void {
    this.#quality[direction] = { ...this.#quality[direction], ...quality };
    for (const pipes of this.#connections) {
      pipes[direction].quality = this.#quality[direction];
      pipes[direction].flush();
    }
  }

  /** Breaks its connections, or only those on which something waits. */
  drop({ onlyHolding = false }: { readonly onlyHolding?: boolean } = {}): void {
    for (const pipes of this.#connections) {
      if (onlyHolding && !DIRECTIONS.some((direction) => pipes[direction].isHolding)) continue;
      for (const direction of DIRECTIONS) pipes[direction].drop();
    }
  }

  /** Takes the connection of one who dialled, and goes on to the target. */
  take(inner: Socket): void {
    const [host, port] = this.#target.split(":");
    const outer = connect(Number(port), host);
    for (const socket of [inner, outer]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
    }
    const pipes = {
      there: new Pipe(inner, outer, this.#quality.there),
      back: new Pipe(outer, inner, this.#quality.back),
    };
    this.#connections.add(pipes);
    let open = 2;
    const onClose = (): void => {
      open -= 1;
      if (open === 0) this.#connections.delete(pipes);
    };
    inner.on("close", onClose);
    outer.on("close", onClose);
    inner.resume();
  }
}
