import { join } from "node:path";
import type { Job } from "../loader/protocol.js";
import { httpText, scrape } from "../meters/scrape.js";
import { compileLoader, missingForLoader, versionOf } from "./go.js";
import { Servers, freePorts, waitFor } from "./servers.js";
import { SideError } from "./side.js";
import type { RunningSide, Side, StartOptions } from "./side.js";

const START_LIMIT_MS = 30_000;
/** Its default of 2 GiB would end the growth, not the speed. */
const QUOTA_BYTES = 8 * 1024 ** 3;
/** Of the log; what the backend syncs, every 100 ms, comes on top, as LevelDB's does at raftkv. */
const FSYNCS = ["etcd_disk_wal_fsync_duration_seconds_count"];
const MODES: readonly Job["mode"][] = ["closed", "fill", "open", "outage", "watch"];

let program = "";

export const etcd: Side = {
  name: "etcd",
  title: "etcd",
  unsynced: null,
  can: ({ mode }) => MODES.includes(mode),
  missing: () =>
    versionOf("etcd", "--version") === null
      ? "etcd is not installed: apt-get install etcd-server"
      : missingForLoader("go.etcd.io/etcd/clientv3", "golang-etcd-server-dev"),
  prepare: async () => {
    program = await compileLoader("etcd");
  },
  version: () => versionOf("etcd", "--version") ?? "",
  start: startEtcd,
};

/** Its defaults in all that bears on speed and safety. */
async function startEtcd({ directory, nodes, signal }: StartOptions): Promise<RunningSide> {
  const ports = await freePorts(2 * nodes);
  const members = Array.from({ length: nodes }, (_, index) => ({
    name: `e${index + 1}`,
    client: `127.0.0.1:${ports[2 * index]}`,
    peer: `http://127.0.0.1:${ports[2 * index + 1]}`,
  }));
  const servers = new Servers(directory);
  for (const { name, client, peer } of members) {
    const settings = {
      name,
      "data-dir": join(directory, name),
      "listen-client-urls": `http://${client}`,
      "advertise-client-urls": `http://${client}`,
      "listen-peer-urls": peer,
      "initial-advertise-peer-urls": peer,
      "initial-cluster": members.map((member) => `${member.name}=${member.peer}`).join(","),
      "initial-cluster-state": "new",
      "quota-backend-bytes": String(QUOTA_BYTES),
      logger: "zap",
      "log-level": "error",
    };
    servers.start(
      name,
      "etcd",
      Object.entries(settings).map(([key, value]) => `--${key}=${value}`),
    );
  }
  const addressOf = (name: string): string => {
    const member = members.find((candidate) => candidate.name === name);
    if (member === undefined) throw new SideError(`there is no member ${name}`);
    return member.client;
  };
  const leader = (): Promise<string> => findLeader(members);
  const all = members.map(({ client }) => client);
  const running: Omit<RunningSide, "loader"> = {
    loaderOf: (names) => ({ command: program, args: [names.map(addressOf).join(",")] }),
    pids: () => servers.pids(),
    counters: async () => {
      const found = await Promise.all(all.map((address) => scrape(address, FSYNCS)));
      return { fsyncs: found.map(([count = 0]) => count), lagMicros: null };
    },
    leader,
    signal: (name, kind) => servers.signal(name, kind),
    restart: (name) => servers.restart(name),
    address: addressOf,
    isServing: async (name) => (await httpText(addressOf(name), "/health")).includes('"true"'),
    stop: () => servers.stop(),
  };
  try {
    const isServing = async (): Promise<boolean> => {
      servers.requireAlive();
      return (await leader()) !== "";
    };
    await waitFor("etcd's start", isServing, { limitMs: START_LIMIT_MS, signal });
    // To the leader without a detour, which saves the two others the way: the best that a client of etcd can do.
    return { ...running, loader: running.loaderOf([await leader()]) };
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

interface Member {
  readonly name: string;
  readonly client: string;
}

/** The member that says of itself that it leads. */
async function findLeader(members: readonly Member[]): Promise<string> {
  const leads = await Promise.all(
    members.map(async ({ client }) => {
      try {
        const answer = await fetch(`http://${client}/v3/maintenance/status`, {
          method: "POST",
          body: "{}",
          signal: AbortSignal.timeout(1_000),
        });
        const status = (await answer.json()) as { header?: { member_id?: string }; leader?: string };
        return status.leader !== undefined && status.leader === status.header?.member_id;
      } catch {
        return false;
      }
    }),
  );
  const found = members[leads.indexOf(true)];
  if (found === undefined) throw new Error("nobody leads");
  return found.name;
}
