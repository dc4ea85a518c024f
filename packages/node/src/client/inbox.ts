import { ProtocolError, decodeClientFrame } from "@raftkv/protocol";
import type { ClientRequest, Limits, RefusedRequest, SessionPlace } from "@raftkv/protocol";
import type { FairShare, ShareWindow } from "./fair-share.js";
import type { Pressing } from "./press-gate.js";

/** What is refused costs more than a request and is worth nothing to anybody: it counts as so many where it is measured out. */
const REFUSED_WEIGHT = 8;

/** One like this keeps the log and the store of all nodes busy for some milliseconds: it goes where those go who press. */
const LARGE_FRAME_BYTES = 128 * 1024;

export interface InboxOptions {
  readonly limits: Limits;
  readonly share: FairShare;
  /** Exactly one answer follows, now or later; `sent` tells of it. `cameMs` is when its frame was received. */
  readonly serve: (request: ClientRequest, session: SessionPlace | null, cameMs: number) => void;
  readonly refuse: (request: RefusedRequest) => void;
  /** Whether anything waits: then the socket is not to be read on. */
  readonly onFull: (isFull: boolean) => void;
  /** Whom to tell when what waits may go on: it calls `goOn`. */
  readonly owner: Pressing;
}

/** A frame of which not all requests were begun. */
interface Begun {
  readonly session: SessionPlace | null;
  readonly requests: readonly ClientRequest[];
  /** They come behind the requests. */
  readonly refused: readonly RefusedRequest[];
  readonly cameMs: number;
  /** Of the frame, for each of its requests. */
  readonly bytesEach: number;
  next: number;
}

/** What one client has sent, in its order. It is begun as far as the client's share of the node goes; the rest waits. */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #window: ShareWindow;
  #frames: { readonly bytes: Buffer; readonly cameMs: number }[] = [];
  #begun: Begun | null = null;
  #isFull = false;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#window = options.share.window();
  }

  /** @throws {ProtocolError} the connection must be cut. */
  add(bytes: Buffer): void {
    this.#frames.push({ bytes, cameMs: performance.now() });
    this.goOn();
  }

  /** So many answers were sent. @throws {ProtocolError} what waited is no frame. */
  sent(answers: number): void {
    this.#window.ended(answers);
    if (this.#isFull) this.goOn();
    else this.#window.noMore();
  }

  /** What waits is never begun. */
  close(): void {
    this.#frames = [];
    this.#begun = null;
    this.#window.close(this.#options.owner);
  }

  /** Begins what it may. @throws {ProtocolError} what waited is no frame. */
  goOn(): void {
    while (this.#window.hasRoom) {
      if (this.#begun !== null) {
        this.#beginNext(this.#begun);
        continue;
      }
      const [frame] = this.#frames;
      if (frame === undefined) break;
      if (frame.bytes.length >= LARGE_FRAME_BYTES) {
        this.#window.press();
        if (!this.#window.hasRoom) break;
      }
      this.#frames.shift();
      this.#decode(frame.bytes, frame.cameMs);
    }
    const isFull = this.#begun !== null || this.#frames.length > 0;
    if (isFull) this.#window.more(this.#options.owner);
    this.#tell(isFull);
  }

  #decode(bytes: Buffer, cameMs: number): void {
    const { requests, refused, session } = decodeClientFrame(bytes, this.#options.limits);
    if (requests.length + refused.length === 0) throw new ProtocolError("a frame without requests");
    this.#window.frameCame(bytes.length);
    if (refused.length > 0) this.#window.press();
    const bytesEach = bytes.length / (requests.length + refused.length);
    this.#begun = { requests, refused, session, cameMs, bytesEach, next: 0 };
  }

  #beginNext(begun: Begun): void {
    const { bytesEach, cameMs, refused, requests, session } = begun;
    const number = begun.next;
    begun.next += 1;
    if (begun.next === requests.length + refused.length) this.#begun = null;
    const request = requests[number];
    if (request === undefined) {
      this.#window.began(bytesEach, cameMs, REFUSED_WEIGHT);
      this.#options.refuse(refused[number - requests.length] as RefusedRequest);
    } else {
      this.#window.began(bytesEach, cameMs, 1);
      this.#options.serve(request, session, cameMs);
    }
  }

  #tell(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#options.onFull(isFull);
  }
}
