import type { Argv } from "yargs";
import type { Chosen, Context } from "./context.js";

/** How the help text of all commands shows one. */
export interface Heading {
  /** The name, and the arguments behind it, as the parser wants them. */
  readonly usage: string;
  readonly describe: string;
}

/** Tells the parser what a command takes, and leaves in `chosen` what is to be done. */
export type Build = (parser: Argv, context: Context, chosen: Chosen, heading: Heading) => Argv;

export interface Command extends Heading {
  /** It has commands of its own behind its name, which `load` adds; else `load` adds the command itself. */
  readonly isGroup: boolean;
  readonly load: () => Promise<Build>;
}

function group(usage: string, describe: string, load: Command["load"]): Command {
  return { usage, describe, isGroup: true, load };
}

function single(usage: string, describe: string, load: Command["load"]): Command {
  return { usage, describe, isGroup: false, load };
}

/** Every first word of a command line. Each is loaded when it is named. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  cluster: group("cluster", "start, stop and break a cluster on this machine", async () => {
    const { clusterCommands } = await import("./commands/cluster.js");
    return clusterCommands;
  }),
  node: group("node", "run one node in this process", async () => {
    const { nodeCommands } = await import("./commands/node.js");
    return nodeCommands;
  }),
  kv: group("kv", "put, get, delete, list and watch keys; transactions", async () => {
    const { kvCommands } = await import("./commands/kv.js");
    return kvCommands;
  }),
  lease: group("lease", "leases, with which keys end", async () => {
    const { leaseCommands } = await import("./commands/lease.js");
    return leaseCommands;
  }),
  lock: single("lock <name>", "run the command behind -- while a lock is held", async () => {
    const { lockCommand } = await import("./commands/lock.js");
    return lockCommand;
  }),
  member: group("member", "the members: list, add, promote, update, remove", async () => {
    const { memberCommands } = await import("./commands/member.js");
    return memberCommands;
  }),
  leader: group("leader", "hand leadership over", async () => {
    const { leaderCommands } = await import("./commands/leader.js");
    return leaderCommands;
  }),
  routes: group("routes", "which group holds which keys", async () => {
    const { routesCommands } = await import("./commands/routes.js");
    return routesCommands;
  }),
  export: single(
    "export [key] [end]",
    "write keys and values as JSON lines, all at one revision",
    async () => {
      const { exportCommand } = await import("./commands/export.js");
      return exportCommand;
    },
  ),
  import: single("import [file]", "put what an export has", async () => {
    const { importCommand } = await import("./commands/import.js");
    return importCommand;
  }),
  status: single("status", "every node: role, term, commit, applied, revision, hash, mode", async () => {
    const { statusCommand } = await import("./commands/status.js");
    return statusCommand;
  }),
  health: single("health", "whether every node lives, and serves", async () => {
    const { healthCommand } = await import("./commands/health.js");
    return healthCommand;
  }),
  top: single(
    "top",
    "a live view of the cluster: throughput, latency, role and lag of each node",
    async () => {
      const { topCommand } = await import("./commands/top.js");
      return topCommand;
    },
  ),
  admin: group("admin", "checkpoint, compact, hash, leases; a new cluster of a survivor", async () => {
    const { adminCommands } = await import("./commands/admin.js");
    return adminCommands;
  }),
  snapshot: group(
    "snapshot",
    "save a cluster into a file, look at that, make a new cluster of it",
    async () => {
      const { snapshotCommands } = await import("./commands/snapshot.js");
      return snapshotCommands;
    },
  ),
  wal: group("wal", "look into a node's log on this machine", async () => {
    const { walCommands } = await import("./commands/wal.js");
    return walCommands;
  }),
};

/** The command that a command line names, which is its first word that is one; null when there is none. */
export async function loadNamed(
  args: readonly string[],
): Promise<{ readonly name: string; readonly build: Build } | null> {
  const name = args.find((arg) => Object.hasOwn(COMMANDS, arg));
  const command = name === undefined ? undefined : COMMANDS[name];
  return name === undefined || command === undefined ? null : { name, build: await command.load() };
}
