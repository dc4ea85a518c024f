/** What every connection may have under way, however many others are busy. */
const REQUESTS_MIN = 64;
const BYTES_MIN = 256 * 1024;

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
  readonly #limits: FairShareLimits;
  #busy = 0;

  constructor(limits: FairShareLimits) {
    this.#limits = limits;
  }

  get requests(): number {
    return Math.max(REQUESTS_MIN, Math.floor(this.#limits.requests / Math.max(1, this.#busy)));
  }

  get bytes(): number {
    return Math.max(BYTES_MIN, Math.floor(this.#limits.bytes / Math.max(1, this.#busy)));
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

  constructor(share: FairShare, busyChanged: (change: 1 | -1) => void) {
    this.#share = share;
    this.#busyChanged = busyChanged;
  }

  /** One may always be begun when nothing is under way, however large. */
  get hasRoom(): boolean {
    return this.#requests === 0 || (this.#requests < this.#share.requests && this.#bytes < this.#share.bytes);
  }

  frameCame(bytes: number): void {
    this.#bytes += bytes;
    this.#look();
  }

  began(): void {
    this.#requests += 1;
    this.#look();
  }

  /** Which of them is not told: each is taken for the mean of those that are under way. */
  ended(requests: number): void {
    const left = this.#requests - requests;
    this.#bytes = left === 0 ? 0 : Math.floor((this.#bytes * left) / this.#requests);
    this.#requests = left;
    this.#look();
  }

  close(): void {
    this.#requests = 0;
    this.#bytes = 0;
    this.#look();
  }

  #look(): void {
    const isBusy = this.#requests > REQUESTS_MIN || this.#bytes > BYTES_MIN;
    if (isBusy === this.#isBusy) return;
    this.#isBusy = isBusy;
    this.#busyChanged(isBusy ? 1 : -1);
  }
}
