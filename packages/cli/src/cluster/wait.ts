import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until `condition` holds. False when the limit passed first; the condition is asked once more at the end. */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  { limitMs, everyMs = 25 }: { readonly limitMs: number; readonly everyMs?: number },
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (await condition()) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await sleep(Math.min(everyMs, left));
  }
}
