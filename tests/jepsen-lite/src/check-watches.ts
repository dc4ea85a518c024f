// `npm run check:watches`: watches on distinct keys and on one prefix, over two killed leaders and a compaction (F6). Exits 1 when one
// of them missed an event, saw it twice or in another order, or ended; 2 for a wrong option.
import { parseArgs } from "node:util";
import { watchOverChanges } from "./scenarios/watched.js";

const USAGE = "usage: npm run check:watches -- [--keys 10000] [--readers 100]";
const SHOWN_MAX = 10;

const log = (line: string): void => void process.stdout.write(`${line}\n`);

/** @throws {TypeError | RangeError} an argument that is not in the usage. */
function readArguments(): { readonly keys: number; readonly readers: number } {
  const { values } = parseArgs({
    options: {
      keys: { type: "string", default: "10000" },
      readers: { type: "string", default: "100" },
    },
  });
  const [keys, readers] = [Number(values.keys), Number(values.readers)];
  for (const [name, value] of [
    ["keys", keys],
    ["readers", readers],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 10_000)
      throw new RangeError(`--${name} must be a whole number from 1 to 10000`);
  }
  return { keys, readers };
}

let settings: ReturnType<typeof readArguments> | null = null;
try {
  settings = readArguments();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n${USAGE}\n`);
  process.exitCode = 2;
}
if (settings !== null) {
  const { events, puts, wrong } = await watchOverChanges({ ...settings, log });
  for (const line of wrong.slice(0, SHOWN_MAX)) log(`WRONG: ${line}`);
  log(`${puts} puts, ${events} events: ${wrong.length === 0 ? "kept" : `BROKEN (${wrong.length} watches)`}`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
