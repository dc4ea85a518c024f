import { PressGate } from "./press-gate.js";
import type { Pressing } from "./press-gate.js";

/** What every connection may have under way, however many others are busy. */
const REQUESTS_MIN = 64;
const BYTES_MIN = 256 * 1024;
/** The busy ones together take these parts of their limits while others are there who are not. */
const REQUESTS_BESIDE_OTHERS = 1 / 2;
const BYTES_BESIDE_OTHERS = 1 / 8;

export interface FairShareLimits {
  /** Requests that busy connections have under way, all together. */
  readonly requests: number;
  /** The same in bytes of frames. */
  readonly bytes: number;
}

/**
 * How much of a node its busy connections may take: each the same. What one sends beyond its share stays unread, so that whoever asks
 * for little waits behind little, whatever the others ask for (C5, C7).
 */
export class FairShare {
  readonly gate = new PressGate();
  readonly #limits: FairShareLimits;
  #busy = 0;

  constructor(limits: FairShareLimits) {
    this.#limits = limits;
  }

  /** Whether one with so much under way may begin another. */
  admits(requests: number, bytes: number): boolean {
    if (requests < REQUESTS_MIN && bytes < BYTES_MIN) return true;
    const busy = Math.max(1, this.#busy);
    const areOthers = this.gate.othersAreThere;
    const requestsMax = (this.#limits.requests * (areOthers ? REQUESTS_BESIDE_OTHERS : 1)) / busy;
    const bytesMax = (this.#limits.bytes * (areOthers ? BYTES_BESIDE_OTHERS : 1)) / busy;
    return (
      requests < Math.max(REQUESTS_MIN, Math.floor(requestsMax)) &&
      bytes < Math.max(BYTES_MIN, Math.floor(bytesMax))
    );
  }

  window(): ShareWindow {
    return new ShareWindow(this, (change) => {
      this.#busy += change;
    });
  }
}

/** What one connection has under way: from when it is looked at until its answer is sent. */
export class ShareWindow {
  readonly #share: FairShare;
  readonly #busyChanged: (change: 1 | -1) => void;
  #requests = 0;
  #bytes = 0;
  #isBusy = false;
  #presses = false;
  /** Requests of those under way that went through the gate. */
  #gated = 0;

  constructor(share: FairShare, busyChanged: (change: 1 | -1) => void) {
    this.#share = share;
    this.#busyChanged = busyChanged;
  }

  /** One may always be begun when nothing is under way, however large, once those who press may go on. */
  get hasRoom(): boolean {
    return this.#isWithinShare && (!this.#presses || this.#share.gate.isOpen);
  }

  frameCame(bytes: number): void {
    this.#bytes += bytes;
    this.#look();
  }

  /** `bytes` are the request's part of its frame, which came at `cameMs`; `weight` is what it counts as at the gate. */
  began(bytes: number, cameMs: number, weight: number): void {
    this.#requests += 1;
    if (this.#presses) {
      this.#gated += 1;
      this.#share.gate.began(bytes, weight);
    } else if (!this.#isBusy) this.#share.gate.otherBegan(this, cameMs);
    this.#look();
  }

  /** Which of them is not told: each is taken for the mean of those that are under way. */
  ended(requests: number): void {
    const left = this.#requests - requests;
    this.#bytes = left === 0 ? 0 : Math.floor((this.#bytes * left) / this.#requests);
    this.#requests = left;
    this.#look();
    this.#endGated(Math.min(requests, this.#gated));
  }

  /** From now on it counts as one that presses, until all that it sent is answered. */
  press(): void {
    this.#presses = true;
  }

  /** It has sent more than it may have under way. `one` is told when those who press may go on. */
  more(one: Pressing): void {
    this.press();
    this.#share.gate.wait(one);
  }

  /** All that it has sent was begun. */
  noMore(): void {
    if (this.#requests === 0) this.#presses = false;
  }

  close(one: Pressing): void {
    this.#requests = 0;
    this.#bytes = 0;
    this.#look();
    this.#share.gate.leave(one);
    this.#endGated(this.#gated);
  }

  get #isWithinShare(): boolean {
    return this.#requests === 0 || this.#share.admits(this.#requests, this.#bytes);
  }

  #endGated(requests: number): void {
    if (requests === 0) return;
    this.#gated -= requests;
    this.#share.gate.ended(requests);
  }

  #look(): void {
    const isBusy = this.#requests > REQUESTS_MIN || this.#bytes > BYTES_MIN;
    if (isBusy === this.#isBusy) return;
    this.#isBusy = isBusy;
    if (isBusy) this.#share.gate.isNoOther(this);
    this.#busyChanged(isBusy ? 1 : -1);
  }
}
