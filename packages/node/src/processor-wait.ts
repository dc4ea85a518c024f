import { readFileSync } from "node:fs";

/** Of the thread that runs the event loop: nanoseconds that it ran, nanoseconds that it waited for a processor, and how often it ran. */
const PATH = "/proc/self/schedstat";
const NANOS_PER_MS = 1_000_000;

/** How long the event loop could have run and was not given a processor, in milliseconds since the process began: others wanted them. 0 where nobody knows, as outside of Linux. */
export function processorWaitMs(path: string = PATH): number {
  try {
    const [, waited] = readFileSync(path, "latin1").split(" ");
    return Number(waited) / NANOS_PER_MS;
  } catch {
    return 0;
  }
}
