import { Presets, SingleBar } from "cli-progress";

const EVERY_MS = 200;
const PLAIN_LINE_EVERY_MS = 2_000;

/**
 * Tells on standard error how a phase of known length goes on: a bar on a terminal, a line now and then elsewhere.
 * Resolves when the phase is over, or when `signal` ends it.
 */
export function showPhase(
  name: string,
  {
    seconds,
    count,
    signal,
  }: { readonly seconds: number; readonly count: () => number; readonly signal: AbortSignal },
): Promise<void> {
  const begin = performance.now();
  const isTerminal = process.stderr.isTTY;
  const format = `${name} {bar} {percentage}% | {puts} puts/s`;
  const bar = isTerminal ? new SingleBar({ format, stream: process.stderr }, Presets.shades_classic) : null;
  bar?.start(seconds, 0, { puts: 0 });
  let nextLineMs = PLAIN_LINE_EVERY_MS;
  return new Promise((resolve) => {
    const finish = (): void => {
      clearInterval(timer);
      bar?.stop();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setInterval(() => {
      const passedMs = performance.now() - begin;
      const puts = Math.round(count() / (passedMs / 1000));
      bar?.update(Math.min(passedMs / 1000, seconds), { puts });
      if (bar === null && passedMs >= nextLineMs) {
        nextLineMs += PLAIN_LINE_EVERY_MS;
        process.stderr.write(`${name} ${(passedMs / 1000).toFixed(0)} of ${seconds} s: ${puts} puts/s\n`);
      }
      if (passedMs >= seconds * 1000) finish();
    }, EVERY_MS);
    signal.addEventListener("abort", finish, { once: true });
    if (signal.aborted) finish();
  });
}
