// `npm run check:snapshot`: a follower stays away for longer than the log reaches, and comes back through a snapshot while
// clients go on at half of the best rate; then once more, and is killed in the middle of that. Prints what it found; exits 1 when a put is
// missing, the replicas differ, or the 99th percentile is more than twice the one before.
import { parseArgs } from "node:util";
import { followerAway } from "./scenarios/follower-away.js";
import type { Stretch } from "./harness/put-load.js";

const USAGE =
  "usage: npm run check:snapshot -- [--puts 1000000] [--kills 10] [--mib-per-second 32] [--calm-seconds 30]";

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}

class UsageError extends Error {}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} is "${text}", but must be a whole number`);
}

/** @throws {TypeError | UsageError} an argument that is not in the usage. */
function readArguments() {
  const options = {
    puts: { type: "string", default: "1000000" },
    kills: { type: "string", default: "10" },
    "mib-per-second": { type: "string", default: "32" },
    "calm-seconds": { type: "string", default: "30" },
  } as const;
  const { values } = parseArgs({ options });
  return {
    puts: wholeNumber("puts", values.puts),
    kills: wholeNumber("kills", values.kills),
    mibPerSecond: wholeNumber("mib-per-second", values["mib-per-second"]),
    calmSeconds: wholeNumber("calm-seconds", values["calm-seconds"]),
  };
}

function shown({ puts, seconds, p50Ms, p99Ms }: Stretch): string {
  const rate = Math.round(puts / seconds);
  return `${puts} puts in ${seconds.toFixed(1)} s (${rate}/s), p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
}

async function check({
  puts,
  kills,
  mibPerSecond,
  calmSeconds,
}: ReturnType<typeof readArguments>): Promise<boolean> {
  const verdict = await followerAway({
    puts,
    kills,
    logKeepEntries: Math.min(50_000, Math.ceil(puts / 20)),
    snapshotBytesPerSecond: mibPerSecond * 1024 * 1024,
    calmSeconds,
    log,
  });
  const { acknowledged, before, during, equal, errors, hashes, installed, killedWhile, missing, whileAway } =
    verdict;
  const ratio = during.p99Ms / before.p99Ms;
  log(`  ${acknowledged} puts acknowledged, errors ${JSON.stringify(errors)}`);
  log(
    `  ${missing.length} acknowledged puts missing${missing.length > 0 ? `: ${missing.slice(0, 10).join(", ")}` : ""}`,
  );
  log(`  replicas ${equal ? "equal" : "DIFFER"}: ${JSON.stringify(hashes)}`);
  log(`  killed ${JSON.stringify(killedWhile)}, ${installed} snapshot installed by the last life`);
  log(`  all there: ${shown(before)}`);
  log(`  while it was away: ${shown(whileAway)}`);
  log(`  while it came back: ${shown(during)}`);
  log(
    `  p99 is ${ratio.toFixed(2)} times the one with all there, ${(during.p99Ms / whileAway.p99Ms).toFixed(2)} times the one while it was away`,
  );
  return missing.length === 0 && equal && installed >= 1 && ratio <= 2;
}

let settings: ReturnType<typeof readArguments> | null = null;
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
