// `npm run bench:failover`: how long nobody can write when the leader is killed, stopped by a signal, or ends cleanly.
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EXIT_FAILED, runCommand } from "./command.js";
import type { LoaderGroup } from "./loader/group.js";
import { epochMicros } from "./loader/outage.js";
import { JOB_DEFAULTS } from "./loader/protocol.js";
import type { Outage } from "./loader/protocol.js";
import { currentCommit, describeThisMachine } from "./machine.js";
import { integer, names, number, parseValues } from "./options.js";
import { Progress } from "./progress.js";
import { failoverTable } from "./report/failover-table.js";
import type { FailoverResults, Harm, Trial } from "./report/failover-table.js";
import { plainTable } from "./report/plain.js";
import { installedSides, withFolder, withLoaders, withSide } from "./running.js";
import { waitFor } from "./sides/servers.js";
import type { RunningSide, Side, SideName } from "./sides/side.js";

const HELP = `Usage: npm run bench:failover -- [options]

Harms the leader of raftkv and of etcd, alternately and under load, again and again, and tells how long it took from then to the
first acknowledged write, and the longest time that any client was without an answer.

  --times N        each harm, on each side                        20
  --harms LIST     of kill (SIGKILL), stop (SIGSTOP), end (SIGTERM)  all
  --peers LIST     etcd or none                                   etcd
  --clients N      closed-loop clients, a connection each         16
  --timeout-ms N   after which a client gives a put up            1000
  --after S        seconds that are watched after the harm        6
  --quick          2 times
  --dir DIR        where the data goes                            the system's temporary folder
  --out DIR        for failover.json                              bench/results
  --help
`;

const SIGNALS: Readonly<Record<Harm, NodeJS.Signals>> = { kill: "SIGKILL", stop: "SIGSTOP", end: "SIGTERM" };
const TEXTS = ["times", "harms", "peers", "clients", "timeout-ms", "after", "dir", "out"];
/** Load goes on for so long before the harm. */
const BEFORE_MS = 1_500;
const BEFORE_SPREAD_MS = 500;
const RUN_SECONDS_MAX = 600;
const HEALED_LIMIT_MS = 60_000;

interface Subject {
  readonly side: Side;
  readonly running: RunningSide;
  readonly loaders: LoaderGroup;
}

interface FailoverOptions {
  readonly harms: readonly Harm[];
  readonly times: number;
  readonly clients: number;
  readonly timeoutMs: number;
  readonly afterSeconds: number;
  readonly signal: AbortSignal;
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const values = parseValues(args, { texts: TEXTS, flags: ["quick"] });
  if (values === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const options: FailoverOptions = {
    harms: names("harms", values["harms"] ?? "kill,stop,end", Object.keys(SIGNALS)) as Harm[],
    times: integer("times", values["times"] ?? (values["quick"] === "true" ? "2" : "20"), 1, 10_000),
    clients: integer("clients", values["clients"] ?? "16", 1, 1_000),
    timeoutMs: integer("timeout-ms", values["timeout-ms"] ?? "1000", 10, 60_000),
    afterSeconds: number("after", values["after"] ?? "6", 1, 120),
    signal,
  };
  const peers = names("peers", values["peers"] ?? "etcd", ["etcd"]) as SideName[];
  const sides = await installedSides(["raftkv", ...peers]);
  const machine = describeThisMachine();
  const trials = await withFolder(values["dir"] ?? tmpdir(), (folder) =>
    withSubjects(sides, folder, signal, (subjects) => runTrials(subjects, options)),
  );
  const results: FailoverResults = {
    at: new Date().toISOString(),
    commit: currentCommit(),
    machine,
    clients: options.clients,
    timeoutMs: options.timeoutMs,
    afterSeconds: options.afterSeconds,
    sides: sides.map((side) => ({ name: side.name, title: side.title, version: side.version() })),
    trials,
  };
  const out = values["out"] ?? "bench/results";
  await mkdir(out, { recursive: true });
  const path = join(out, "failover.json");
  await writeFile(path, `${JSON.stringify(results, null, 1)}\n`);
  process.stdout.write(`${plainTable(failoverTable(results))}\n${path} has every trial.\n`);
  return trials.every(({ outage }) => outage.firstAckMicros >= 0) ? 0 : EXIT_FAILED;
}

/** All clusters at once: an idle one costs a few percent of a core, a fresh one each time would never be warm. */
function withSubjects<T>(
  sides: readonly Side[],
  directory: string,
  signal: AbortSignal,
  body: (subjects: readonly Subject[]) => Promise<T>,
): Promise<T> {
  const next = (subjects: readonly Subject[]): Promise<T> => {
    const side = sides[subjects.length];
    if (side === undefined) return body(subjects);
    const options = { directory, nodes: 3, signal, profileDirectory: null };
    return withSide(side, options, (running) =>
      withLoaders(running.loaderOf([...running.pids().keys()]), { count: 1, signal }, (loaders) =>
        next([...subjects, { side, running, loaders }]),
      ),
    );
  };
  return next([]);
}

async function runTrials(subjects: readonly Subject[], options: FailoverOptions): Promise<Trial[]> {
  const { harms, signal, times } = options;
  const trials: Trial[] = [];
  const progress = new Progress(harms.length * times * subjects.length);
  try {
    for (const harm of harms) {
      for (let count = 1; count <= times; count += 1) {
        for (const subject of subjects) {
          signal.throwIfAborted();
          progress.begin(`${subject.side.title}: ${SIGNALS[harm]} to the leader, ${count} of ${times}`);
          const outage = await runTrial(subject, harm, options);
          trials.push({ harm, side: subject.side.name, outage });
          const first =
            outage.firstAckMicros < 0 ? "no write at all" : `${Math.round(outage.firstAckMicros / 1000)} ms`;
          progress.say(`${subject.side.title.padEnd(8)} ${SIGNALS[harm]}: first write after ${first}`);
          progress.done();
        }
      }
    }
  } finally {
    progress.stop();
  }
  return trials;
}

async function runTrial(
  { loaders, running }: Subject,
  harm: Harm,
  { afterSeconds, clients, signal, timeoutMs }: FailoverOptions,
): Promise<Outage> {
  const nothing = (): void => undefined;
  const job = {
    ...JOB_DEFAULTS,
    mode: "outage",
    clients,
    connections: clients,
    warmupSeconds: 0,
    seconds: RUN_SECONDS_MAX,
    afterMarkSeconds: afterSeconds,
    timeoutMs,
  } as const;
  const result = loaders.run(job, { onMeasuring: nothing, onProgress: nothing, onRecovered: nothing });
  // Not at the same point of a heartbeat each time.
  await Promise.race([delay(BEFORE_MS + Math.random() * BEFORE_SPREAD_MS), result]);
  const leader = await running.leader();
  running.signal(leader, SIGNALS[harm]);
  loaders.control({ mark: Math.round(epochMicros()) });
  const { outage } = await result;
  if (outage === undefined) throw new Error("the loader told nothing of the outage");
  if (harm === "stop") running.signal(leader, "SIGCONT");
  else await running.restart(leader);
  const isHealed = async (): Promise<boolean> => {
    const serving = await Promise.all([...running.pids().keys()].map((name) => running.isServing(name)));
    return serving.every(Boolean);
  };
  await waitFor(`the return of ${leader}`, isHealed, { limitMs: HEALED_LIMIT_MS, signal });
  return outage;
}

await runCommand(HELP, (signal) => main(process.argv.slice(2), signal));
