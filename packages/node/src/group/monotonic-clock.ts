/**
 * The clock that leases run on: whole microseconds since some moment before this process began, above 0. It never goes back, goes
 * on while the process is stopped (R19), and has nothing to do with the time of day.
 */
export function monotonicMicros(): number {
  return Math.floor(performance.now() * 1000) + 1;
}
