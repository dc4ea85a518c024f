import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Job } from "../loader/protocol.js";
import { httpText } from "../meters/scrape.js";
import { compileLoader, missingForLoader, versionOf } from "./go.js";
import { Servers, freePorts, waitFor } from "./servers.js";
import { SideError } from "./side.js";
import type { RunningSide, Side, StartOptions } from "./side.js";

const START_LIMIT_MS = 30_000;
const MODES: readonly Job["mode"][] = ["closed", "fill", "open"];
/** What a bucket answers is not linearizable, so only what claims no more is compared. */
const OPERATIONS: readonly Job["operation"][] = ["put", "serializable-get"];

let program = "";

export const nats: Side = {
  name: "nats",
  title: "NATS KV R3",
  unsynced: "JetStream syncs every two minutes (its default)",
  can: ({ mode, operation }) => MODES.includes(mode) && OPERATIONS.includes(operation),
  missing: () =>
    versionOf("nats-server", "--version") === null
      ? "NATS is not installed: apt-get install nats-server"
      : missingForLoader("github.com/nats-io/nats.go", "golang-github-nats-io-go-nats-dev"),
  prepare: async () => {
    program = await compileLoader("nats");
  },
  version: () => versionOf("nats-server", "--version") ?? "",
  start: startNats,
};

interface Member {
  readonly name: string;
  readonly client: number;
  readonly route: number;
  readonly monitor: number;
}

/** A cluster with JetStream as its defaults are; the loader makes a bucket of three replicas on files. */
async function startNats({ directory, nodes, signal }: StartOptions): Promise<RunningSide> {
  const ports = await freePorts(3 * nodes);
  const members: Member[] = Array.from({ length: nodes }, (_, index) => ({
    name: `s${index + 1}`,
    client: ports[3 * index] as number,
    route: ports[3 * index + 1] as number,
    monitor: ports[3 * index + 2] as number,
  }));
  const servers = new Servers(directory);
  const find = (name: string): Member => {
    const member = members.find((candidate) => candidate.name === name);
    if (member === undefined) throw new SideError(`there is no member ${name}`);
    return member;
  };
  const loaderOf = (names: readonly string[]) => ({
    command: program,
    args: [names.map((name) => `127.0.0.1:${find(name).client}`).join(",")],
  });
  try {
    for (const member of members) {
      const path = join(directory, `${member.name}.conf`);
      await writeFile(path, configurationOf(member, members, directory));
      servers.start(member.name, "nats-server", ["-c", path]);
    }
    const hasMetaLeader = async (): Promise<boolean> => {
      servers.requireAlive();
      const answers = await Promise.all(
        members.map(({ monitor }) => httpText(`127.0.0.1:${monitor}`, "/jsz")),
      );
      return answers.every((text) => {
        const { meta_cluster: meta } = JSON.parse(text) as { meta_cluster?: { leader?: string } };
        return (meta?.leader ?? "") !== "";
      });
    };
    await waitFor("the start of NATS", hasMetaLeader, { limitMs: START_LIMIT_MS, signal });
  } catch (error) {
    await servers.stop();
    throw error;
  }
  return {
    loader: loaderOf(members.map(({ name }) => name)),
    loaderOf,
    pids: () => servers.pids(),
    counters: () => Promise.resolve(null),
    leader: () => Promise.reject(new SideError("who leads a bucket of NATS is not asked here")),
    signal: (name, kind) => servers.signal(name, kind),
    restart: (name) => servers.restart(name),
    isServing: () => Promise.reject(new SideError("NATS has no linearizable read")),
    address: (name) => `127.0.0.1:${find(name).monitor}`,
    stop: () => servers.stop(),
  };
}

function configurationOf(member: Member, members: readonly Member[], directory: string): string {
  const routes = members.map(({ route }) => `nats://127.0.0.1:${route}`).join(", ");
  return `server_name: ${member.name}
listen: 127.0.0.1:${member.client}
http: 127.0.0.1:${member.monitor}
jetstream { store_dir: "${join(directory, member.name)}" }
cluster { name: bench, listen: 127.0.0.1:${member.route}, routes: [${routes}] }
`;
}
