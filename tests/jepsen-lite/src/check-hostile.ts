// `npm run check:hostile`: clients that misbehave, one kind after the other, beside a good one (C5, C6, C7). Exits 1 when a kind was
// neither answered nor cut with a log line, the good client failed or waited too long, or a node's memory was not bounded; 2 for a
// wrong option.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkHostile, describeEnds, mib } from "./hostile/check.js";
import type { Outcome } from "./hostile/check.js";
import type { Latencies } from "./hostile/good-client.js";

const USAGE = "usage: npm run check:hostile -- [--connections 10000] [--seconds 8] [--only NAME]";
const P99_FACTOR_MAX = 5;
const RSS_GROWTH_MAX = 768 * 1024 * 1024;
/** Of the process itself: the data, the log, what it runs on. */
const FILES_BESIDE = 512;
/** Eleven of one kind a second, and what else goes on. */
const LINES_A_SECOND_MAX = 30;

/** Short enough for each to be over within one misbehaviour; everything else as it is by default. */
const ENV = {
  RAFTKV_HANDSHAKE_TIMEOUT_MS: "2000",
  RAFTKV_CLIENT_SILENCE_MS: "4000",
  RAFTKV_LOG_REPEAT_MS: "1000",
};

const log = (line: string): void => void process.stdout.write(`${line}\n`);

/** What the process may have open; null where the system does not tell. Node.js raises its own limit to the hard one. */
function filesMax(): number | null {
  try {
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return hard === undefined || hard === "unlimited" ? null : Number(hard);
  } catch {
    return null;
  }
}

function readArguments(): {
  readonly connections: number;
  readonly seconds: number;
  readonly only: string;
} | null {
  try {
    const { values } = parseArgs({
      options: {
        connections: { type: "string", default: "10000" },
        seconds: { type: "string", default: "8" },
        only: { type: "string", default: "" },
      },
    });
    const [connections, seconds] = [Number(values.connections), Number(values.seconds)];
    if (!Number.isSafeInteger(connections) || connections < 5_000 || connections > 25_000)
      throw new RangeError("--connections must be a whole number from 5000 to 25000");
    if (!(seconds >= 6 && seconds <= 600)) throw new RangeError("--seconds must be from 6 to 600");
    return { connections, seconds, only: values.only };
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n${USAGE}\n`);
    return null;
  }
}

/** What is wrong with how it went; empty when nothing is. */
function faultsOf(outcome: Outcome, quiet: Latencies): string[] {
  const { ends, errors, latencies, linesLogged, logLine, misbehaviour, rssBefore, rssMax, seconds } = outcome;
  const faults = misbehaviour.mustSee.filter((end) => (ends[end] ?? 0) === 0).map((end) => `no "${end}"`);
  if (misbehaviour.logLine !== null && logLine === null) faults.push("no log line");
  if (linesLogged > LINES_A_SECOND_MAX * seconds) faults.push(`${linesLogged} log lines`);
  if (errors.length > 0) faults.push(`${errors.length} requests of the good client failed: ${errors[0]}`);
  if (latencies.samples === 0) faults.push("the good client was not served");
  if (latencies.p99Ms >= P99_FACTOR_MAX * quiet.p99Ms)
    faults.push(`p99 is ${(latencies.p99Ms / quiet.p99Ms).toFixed(1)} times the quiet one`);
  if (rssMax > rssBefore + RSS_GROWTH_MAX) faults.push(`${mib(rssMax - rssBefore)} MiB more memory`);
  return faults;
}

function tell(outcome: Outcome, faults: readonly string[]): void {
  const { cores, ends, latencies, linesLogged, logLine, misbehaviour, rssBefore, rssMax } = outcome;
  log(`${faults.length === 0 ? "kept  " : "BROKEN"} ${misbehaviour.name}: ${misbehaviour.sends}`);
  log(`         ended: ${describeEnds(ends)} (loader: ${cores.toFixed(2)} cores)`);
  const said = logLine === null ? null : (JSON.parse(logLine) as { msg: string }).msg;
  log(`         log:   ${said ?? "nothing to be told"} (${linesLogged} lines)`);
  log(`         good:  p50 ${latencies.p50Ms.toFixed(1)} ms, p99 ${latencies.p99Ms.toFixed(1)} ms`);
  log(`         rss:   ${mib(rssBefore)} MiB before, ${mib(rssMax)} MiB at most`);
  for (const fault of faults) log(`         WRONG: ${fault}`);
}

const settings = readArguments();
if (settings === null) process.exitCode = 2;
else {
  const files = filesMax();
  const connections = Math.min(settings.connections, files === null ? Infinity : files - FILES_BESIDE);
  if (connections < settings.connections) {
    log(
      `ulimit -Hn is ${files}: ${connections} connections instead of ${settings.connections}; raise it for all of them`,
    );
  }
  const { ended, outcomes, quiet } = await checkHostile({
    ...settings,
    connections,
    quietSeconds: 10,
    coreShare: 0.2,
    env: ENV,
    log,
  });
  log("");
  log(
    `quiet: p50 ${quiet.p50Ms.toFixed(1)} ms, p99 ${quiet.p99Ms.toFixed(1)} ms (${quiet.samples} requests)`,
  );
  let broken = 0;
  for (const outcome of outcomes) {
    const faults = faultsOf(outcome, quiet);
    if (faults.length > 0) broken += 1;
    tell(outcome, faults);
  }
  for (const name of ended) log(`WRONG: ${name} ended by itself`);
  const isKept = broken === 0 && ended.length === 0 && outcomes.length > 0;
  log(`${outcomes.length} misbehaviours: ${isKept ? "kept" : `BROKEN (${broken})`}`);
  process.exitCode = isKept ? 0 : 1;
}
