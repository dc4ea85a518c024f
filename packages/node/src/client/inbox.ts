import { ProtocolError, decodeClientFrame } from "@raftkv/protocol";
import type { ClientRequest, Limits, RefusedRequest, SessionPlace } from "@raftkv/protocol";
import type { FairShare, ShareWindow } from "./fair-share.js";
import type { Pressing } from "./press-gate.js";

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
      const begun = this.#begun;
      if (begun !== null) {
        const request = begun.requests[begun.next] as ClientRequest;
        begun.next += 1;
        if (begun.next === begun.requests.length) this.#begun = null;
        this.#window.began(begun.bytesEach, begun.cameMs);
        this.#options.serve(request, begun.session, begun.cameMs);
        continue;
      }
      const frame = this.#frames.shift();
      if (frame === undefined) break;
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
    const bytesEach = bytes.length / (requests.length + refused.length);
    for (const one of refused) {
      this.#window.began(bytesEach, cameMs);
      this.#options.refuse(one);
    }
    if (requests.length > 0) this.#begun = { requests, session, cameMs, bytesEach, next: 0 };
  }

  #tell(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#options.onFull(isFull);
  }
}
