// `npm run check:crash`: the leader killed three times under a loop of 5,000 puts, then all nodes killed at once five times
// over. Prints what it found; exits 1 when a promise was broken or the loop stalled longer than --stall-ms.
import { parseArgs } from "node:util";
import { killAll } from "./scenarios/kill-all.js";
import { killLeader } from "./scenarios/kill-leader.js";
import { isKept } from "./scenarios/verdict.js";
import type { Verdict } from "./scenarios/verdict.js";

const USAGE = "usage: npm run check:crash -- [--puts 5000] [--kills 3] [--rounds 5] [--stall-ms 3000]";

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}

class UsageError extends Error {}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} is "${text}", but must be a whole number from 1`);
}

interface Settings {
  readonly puts: number;
  readonly kills: number;
  readonly rounds: number;
  readonly stallMs: number;
}

/** @throws {TypeError | UsageError} an argument that is not in the usage. */
function readArguments(): Settings {
  const options = {
    puts: { type: "string", default: "5000" },
    kills: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    "stall-ms": { type: "string", default: "3000" },
  } as const;
  const { values } = parseArgs({ options });
  return {
    puts: wholeNumber("puts", values.puts),
    kills: wholeNumber("kills", values.kills),
    rounds: wholeNumber("rounds", values.rounds),
    stallMs: wholeNumber("stall-ms", values["stall-ms"]),
  };
}

function report(verdict: Verdict): boolean {
  const { acknowledged, operations, missing, longestStallMs, equal, anomaly } = verdict;
  log(
    `  ${acknowledged} puts acknowledged, ${operations} operations, errors ${JSON.stringify(verdict.errors)}`,
  );
  log(
    `  ${missing.length} acknowledged puts missing${missing.length > 0 ? `: ${missing.slice(0, 10).join(", ")}` : ""}`,
  );
  log(`  replicas ${equal ? "equal" : "DIFFER"}: ${JSON.stringify(verdict.hashes)}`);
  log(`  history ${anomaly === null ? "linearizable" : `NOT LINEARIZABLE\n${anomaly}`}`);
  log(`  longest stall ${longestStallMs} ms`);
  return isKept(verdict);
}

async function check({ puts, kills, rounds, stallMs }: Settings): Promise<boolean> {
  log(`The leader is killed ${kills} times while a loop puts ${puts} keys.`);
  const first = await killLeader({ puts, kills, log });
  const firstKept = report(first) && first.longestStallMs <= stallMs;
  log(`All nodes are killed at once, ${rounds} times, under 16 writers.`);
  const secondKept = report(await killAll({ rounds, writers: 16, putsBetween: 1_000, log }));
  return firstKept && secondKept;
}

let settings: Settings | null = null;
try {
  settings = readArguments();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n${USAGE}\n`);
  process.exitCode = 2;
}
if (settings !== null) {
  const kept = await check(settings);
  log(kept ? "kept" : "BROKEN");
  process.exitCode = kept ? 0 : 1;
}
