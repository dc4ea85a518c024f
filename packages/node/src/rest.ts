/** The shortest rest; some 300 MB/s come through beside it. */
const REST_MS = 1;
/** However long a turn took, the next one begins after this. */
const REST_MAX_MS = 20;

/** Behind a turn of work that is large and not urgent: as long as it took, so that everything else has half of the time (C5). */
export function restFor(tookMs: number, onOver: () => void): void {
  setTimeout(onOver, Math.min(Math.max(tookMs, REST_MS), REST_MAX_MS));
}

/** The same where nobody knows yet how long the turn takes, which has just begun; whatever else is done in it counts. */
export function rest(onOver: () => void): void {
  const beganMs = performance.now();
  setTimeout(() => {
    const tookMs = performance.now() - beganMs;
    if (tookMs <= 2 * REST_MS) onOver();
    else restFor(tookMs, onOver);
  }, REST_MS);
}
