/** The shortest rest; some 300 MB/s come through beside it. */
const REST_MS = 1;
/** However busy the event loop is, what rests goes on after this. */
const REST_MAX_MS = 20;

/**
 * Between two turns of work that is large and not urgent: as long as the turn took, whatever else was done in it, so that everything else has
 * half of the time (C5).
 */
export function rest(onOver: () => void): void {
  const beganMs = performance.now();
  setTimeout(() => {
    const tookMs = performance.now() - beganMs;
    if (tookMs <= 2 * REST_MS) onOver();
    else setTimeout(onOver, Math.min(tookMs, REST_MAX_MS));
  }, REST_MS);
}
