/** The shortest rest. */
const REST_MS = 1;
/** However long a turn took, the next one begins after this. */
const REST_MAX_MS = 250;
/** Turns of which nobody knows how long they take have a third of the time; some 170 MB/s come through at most. */
const UNKNOWN_FACTOR = 2;
const UNKNOWN_MAX_MS = 50;

/** Behind a turn of work that is large and not urgent, so that everything else has its part of the time (C5). */
export function restFor(ms: number, onOver: () => void): void {
  setTimeout(onOver, Math.min(Math.max(ms, REST_MS), REST_MAX_MS));
}

/** The same behind a turn that has just begun, for twice as long as it takes; whatever else is done in it counts. */
export function rest(onOver: () => void): void {
  const beganMs = performance.now();
  setTimeout(() => {
    const ms = UNKNOWN_FACTOR * (performance.now() - beganMs);
    restFor(Math.min(ms, UNKNOWN_MAX_MS), onOver);
  }, REST_MS);
}
