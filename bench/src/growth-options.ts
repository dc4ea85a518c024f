import { tmpdir } from "node:os";
import { integer, names, number, parseValues } from "./options.js";
import type { SideName } from "./sides/side.js";

export const HELP = `Usage: npm run bench:growth -- [options]

What changes as a cluster grows: the cost of a put and the memory at 10,000 keys and ten times as many, over and over; the same
with 1, 3, 5 and 7 nodes; how soon a node answers a linearizable read again after kill -9; and, with --hour, whether
throughput, latency, memory, disk and event-loop lag stay flat at 70 % of the limit.

  --parts LIST       of keys, nodes, restart                   all
  --peers LIST       etcd or none                              etcd
  --max-keys N       keys that the first part grows to         10000000
  --restart-keys N   keys in the store that is restarted       1000000
  --nodes LIST       sizes of the second part                  1,3,5,7
  --clients N        closed-loop clients that put              256
  --seconds S        how long each is measured                 5
  --hour             also an hour of raftkv at 70 % of the limit; --minutes N makes it another time
  --quick            small figures: shows that all works
  --dir DIR          where the data goes                       the system's temporary folder
  --out DIR          for growth.json                           bench/results
  --help
`;

const TEXTS = [
  "parts",
  "peers",
  "max-keys",
  "restart-keys",
  "nodes",
  "clients",
  "seconds",
  "minutes",
  "dir",
  "out",
];
const PARTS = ["keys", "nodes", "restart"] as const;
const HOUR_MINUTES = 60;

export interface GrowthOptions {
  readonly parts: readonly (typeof PARTS)[number][];
  readonly peers: readonly SideName[];
  readonly keysMax: number;
  readonly restartKeys: number;
  readonly nodes: readonly number[];
  readonly clients: number;
  readonly seconds: number;
  /** Of the long run; 0: there is none. */
  readonly minutes: number;
  readonly directory: string;
  readonly outDirectory: string;
}

/** @returns `null` when help was asked for. @throws {UsageError} */
export function parseGrowthOptions(args: readonly string[]): GrowthOptions | null {
  const values = parseValues(args, { texts: TEXTS, flags: ["hour", "quick"] });
  if (values === null) return null;
  const quick = values["quick"] === "true";
  const given = (name: string, otherwise: string, quickly: string): string =>
    values[name] ?? (quick ? quickly : otherwise);
  const isLong = values["hour"] === "true" || values["minutes"] !== undefined;
  return {
    parts: names("parts", values["parts"] ?? PARTS.join(","), PARTS) as GrowthOptions["parts"],
    peers: names("peers", values["peers"] ?? "etcd", ["etcd"]) as SideName[],
    keysMax: integer("max-keys", given("max-keys", "10000000", "20000"), 10_000, 1_000_000_000),
    restartKeys: integer("restart-keys", given("restart-keys", "1000000", "10000"), 1, 1_000_000_000),
    nodes: given("nodes", "1,3,5,7", "1,3")
      .split(",")
      .map((each) => integer("nodes", each, 1, 9)),
    clients: integer("clients", values["clients"] ?? "256", 1, 100_000),
    seconds: number("seconds", given("seconds", "5", "1"), 0.1, 3_600),
    minutes: isLong ? number("minutes", values["minutes"] ?? String(HOUR_MINUTES), 0.1, 10_000) : 0,
    directory: values["dir"] ?? tmpdir(),
    outDirectory: values["out"] ?? "bench/results",
  };
}
