import { tmpdir } from "node:os";
import { UsageError, integer, names, number, parseValues } from "./options.js";
import { PEERS } from "./sides/index.js";
import type { SideName } from "./sides/side.js";
import { WORKLOADS } from "./workloads/index.js";
import type { Workload } from "./workloads/workload.js";

export const HELP = `Usage: npm run bench -- [options]

Puts the same loads on three nodes of raftkv and on three of each peer that is installed, in turn and on the same disk,
round after round, and prints for each workload the medians and their ratio. Peers that are not installed are skipped.

  --peers LIST         of etcd, nats and echo, or none               etcd,nats,echo
                       (echo: three bare processes without a log, what sockets and framing alone allow)
  --workloads LIST     names, or their beginnings, as put or put-64  all
  --rounds N           each side once a round                        3
  --seconds S          how long each workload is measured            5
  --warmup S           and goes on before that                       1.5
  --warmup-fresh S     how long each fresh cluster takes puts first   60
  --keys N             different keys                                100000
  --connections N      at most                                       32
  --loaders N          processes that make raftkv's load             1
  --nodes N            of each side                                  3
  --open-rate N        puts a second of the open loop                half of etcd's best
  --quick              1 round of short workloads: shows that all works, not how fast
  --profile DIR        profiles of raftkv's nodes go there, with a summary of self time by function
  --dir DIR            where the data goes, on the disk to measure   the system's temporary folder
  --out DIR            for results.json and report.html              bench/results
  --help

Workloads: ${WORKLOADS.map(({ name }) => name).join(", ")}
`;

export interface BenchOptions {
  readonly peers: readonly SideName[];
  readonly workloads: readonly Workload[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly freshWarmupSeconds: number;
  readonly keys: number;
  readonly connectionsMax: number;
  readonly loaders: number;
  readonly nodes: number;
  /** Null: half of the best put rate of etcd in the first round. */
  readonly openRate: number | null;
  readonly quick: boolean;
  readonly profileDirectory: string | null;
  readonly directory: string;
  readonly outDirectory: string;
}

const TEXTS = [
  "peers",
  "workloads",
  "rounds",
  "seconds",
  "warmup",
  "warmup-fresh",
  "keys",
  "connections",
  "loaders",
  "nodes",
  "open-rate",
  "profile",
  "dir",
  "out",
];
/** A range of 1,000 keys needs as many. */
const KEYS_MIN = 1_000;

/** @returns `null` when help was asked for. @throws {UsageError} */
export function parseBenchOptions(args: readonly string[]): BenchOptions | null {
  const values = parseValues(args, { texts: TEXTS, flags: ["quick"] });
  if (values === null) return null;
  const quick = values["quick"] === "true";
  const given = (name: string, otherwise: string, quickly = otherwise): string =>
    values[name] ?? (quick ? quickly : otherwise);
  return {
    peers: names("peers", given("peers", "etcd,nats,echo"), [...PEERS, "echo"]) as SideName[],
    workloads: workloadsOf(values["workloads"]),
    rounds: integer("rounds", given("rounds", "3", "1"), 1, 100),
    seconds: number("seconds", given("seconds", "5", "1"), 0.1, 86_400),
    warmupSeconds: number("warmup", given("warmup", "1.5", "0.3"), 0, 3_600),
    freshWarmupSeconds: number("warmup-fresh", given("warmup-fresh", "60", "0.5"), 0.1, 3_600),
    keys: integer("keys", given("keys", "100000", "5000"), KEYS_MIN, 1_000_000_000),
    connectionsMax: integer("connections", given("connections", "32"), 1, 1_024),
    loaders: integer("loaders", given("loaders", "1"), 1, 16),
    nodes: integer("nodes", given("nodes", "3"), 1, 9),
    openRate:
      values["open-rate"] === undefined ? null : number("open-rate", values["open-rate"], 1, 10_000_000),
    quick,
    profileDirectory: values["profile"] ?? null,
    directory: given("dir", tmpdir()),
    outDirectory: given("out", "bench/results"),
  };
}

function workloadsOf(list: string | undefined): Workload[] {
  if (list === undefined) return [...WORKLOADS];
  const wanted = list.split(",");
  const isNamed = (workload: Workload, name: string): boolean =>
    workload.name === name || workload.name.startsWith(`${name}-`);
  for (const name of wanted) {
    if (WORKLOADS.some((workload) => isNamed(workload, name))) continue;
    const all = WORKLOADS.map((workload) => workload.name).join(", ");
    throw new UsageError(`--workloads: there is no "${name}"; there are ${all}`);
  }
  return WORKLOADS.filter((workload) => wanted.some((name) => isNamed(workload, name)));
}
