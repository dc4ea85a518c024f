/** Revisions that are being read over several turns: what they need is not collected meanwhile. */
export class RevisionPins {
  readonly #pins = new Set<{ readonly revision: number }>();
  /** Told when a pin goes. */
  onRelease: () => void = () => undefined;

  /** The lowest revision that is being read; infinite when none is. */
  get lowest(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const { revision } of this.#pins) lowest = Math.min(lowest, revision);
    return lowest;
  }

  /** Holds on to what stands at `revision` while `read` runs. */
  async during<Result>(revision: number, read: () => Promise<Result>): Promise<Result> {
    const pin = { revision };
    this.#pins.add(pin);
    try {
      return await read();
    } finally {
      this.#pins.delete(pin);
      this.onRelease();
    }
  }
}
