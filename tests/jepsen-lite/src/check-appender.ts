// `npm run check:appender`: batches a second of one appender, by the size of its pipeline, over a connection to a real cluster of three on
// which everything takes 5 ms longer in each direction (C3). Exits 1 when a pipeline of 8 has less than 3 times the batches of one of
// 1, or a batch is lost, repeated or out of order; 2 for a wrong option.
import { parseArgs } from "node:util";
import { comparePipelines } from "./scenarios/pipelines.js";

const USAGE = "usage: npm run check:appender -- [--batches 400] [--delay-ms 5] [--rounds 3]";
const SIZES = [1, 2, 4, 8, 16];
const RATIO_MIN = 3;

const log = (line: string): void => void process.stdout.write(`${line}\n`);

function readArguments(): {
  readonly batches: number;
  readonly delayMs: number;
  readonly rounds: number;
} | null {
  try {
    const { values } = parseArgs({
      options: {
        batches: { type: "string", default: "400" },
        "delay-ms": { type: "string", default: "5" },
        rounds: { type: "string", default: "3" },
      },
    });
    const number = (name: "batches" | "delay-ms" | "rounds", min: number, max: number): number => {
      const value = Number(values[name]);
      if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
      throw new RangeError(`--${name} must be a whole number from ${min} to ${max}`);
    };
    return {
      batches: number("batches", 16, 100_000),
      delayMs: number("delay-ms", 0, 1_000),
      rounds: number("rounds", 1, 100),
    };
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n${USAGE}\n`);
    return null;
  }
}

const settings = readArguments();
if (settings === null) process.exitCode = 2;
else {
  log(
    `${settings.batches} batches in each run, ${settings.delayMs} ms more each way, the median of ${settings.rounds}`,
  );
  const { figures, wrong } = await comparePipelines({ ...settings, sizes: SIZES, log });
  const one = figures.find(({ size }) => size === 1)?.perSecond ?? 0;
  const eight = figures.find(({ size }) => size === 8)?.perSecond ?? 0;
  log("pipeline  batches/s  of pipeline 1  p50 ms  p99 ms");
  for (const { p50Ms, p99Ms, perSecond, size } of figures) {
    const cells = [
      String(size).padStart(8),
      perSecond.toFixed(0).padStart(9),
      `${(perSecond / one).toFixed(2)} x`.padStart(13),
      p50Ms.toFixed(1).padStart(6),
      p99Ms.toFixed(1).padStart(6),
    ];
    log(cells.join("  "));
  }
  for (const line of wrong) log(`WRONG: ${line}`);
  const isKept = wrong.length === 0 && eight >= RATIO_MIN * one;
  log(
    `pipeline 8 has ${(eight / one).toFixed(2)} x the batches of pipeline 1: ${isKept ? "kept" : "BROKEN"}`,
  );
  process.exitCode = isKept ? 0 : 1;
}
