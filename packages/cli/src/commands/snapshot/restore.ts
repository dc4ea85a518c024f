import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { InitialMember, Restored } from "@raftkv/node";
import { unescapeText } from "../../arguments.js";
import { splitAddress } from "../../address.js";
import { DEFAULT_DIRECTORY, nodeDirectory, readCluster, writeCluster } from "../../cluster/directory.js";
import type { ClusterState } from "../../cluster/directory.js";
import { withClusterLock } from "../../cluster/lock.js";
import { makeDirectory, removeEmpty } from "../../cluster/make-directory.js";
import { checkWish, planCluster } from "../../cluster/plan.js";
import type { ClusterWish } from "../../cluster/plan.js";
import type { Context } from "../../context.js";
import { usageError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { counted, wholeNumber } from "../../numbers.js";
import { say, sayJson } from "../../output.js";
import { damageIsNo, fileProgress, snapshotPath } from "./inspect.js";

export interface RestoreArguments {
  readonly file: string;
  readonly dir: string | undefined;
  readonly nodes: string | undefined;
  readonly clientPort: string | undefined;
  readonly peerPort: string | undefined;
  readonly name: string | undefined;
  readonly dataDir: string | undefined;
  readonly initialCluster: string | undefined;
  readonly bumpRevision: string | undefined;
  readonly markCompacted: boolean;
  readonly control: boolean;
  readonly json: boolean;
}

interface Where {
  readonly members: readonly InitialMember[];
  readonly targets: readonly { readonly name: string; readonly dataDir: string }[];
}

/** One member of a cluster over several machines, when `--name` is given; else all members of one on this machine. */
export function restore(context: Context, argv: RestoreArguments): Promise<ExitCode> {
  const { dataDir, initialCluster, name } = argv;
  if (name === undefined && dataDir === undefined && initialCluster === undefined)
    return restoreCluster(context, argv);
  return restoreMember(context, argv);
}

async function restoreMember(context: Context, argv: RestoreArguments): Promise<ExitCode> {
  const { clientPort, dataDir, dir, initialCluster, name, nodes, peerPort } = argv;
  if (name === undefined || dataDir === undefined || initialCluster === undefined)
    throw usageError("--name, --data-dir and --initial-cluster go together: one member, on its own machine");
  const local = Object.entries({
    "--dir": dir,
    "--nodes": nodes,
    "--client-port": clientPort,
    "--peer-port": peerPort,
  });
  const odd = local.find(([, value]) => value !== undefined);
  if (odd !== undefined) throw usageError(`${odd[0]} is for a whole cluster on this machine, without --name`);
  const { MEMBERS_ALLOWED, parseMembers } = await import("@raftkv/node");
  const members = parseMembers(unescapeText(initialCluster));
  if (members === null)
    throw usageError(`--initial-cluster is "${initialCluster}", but must be ${MEMBERS_ALLOWED}`);
  const path = resolve(context.cwd, unescapeText(dataDir));
  const own = unescapeText(name);
  const restored = await run(context, argv, { members, targets: [{ name: own, dataDir: path }] });
  tell(context, argv, restored, path, [
    `restored ${own} in ${path}`,
    "Do the same for each member, with the same file and options; then start them all.",
  ]);
  return EXIT.done;
}

async function restoreCluster(context: Context, argv: RestoreArguments): Promise<ExitCode> {
  const number = (option: string, text: string | undefined, from: number): number | null =>
    text === undefined ? null : wholeNumber(option, text, from);
  const wish: ClusterWish = {
    nodes: number("--nodes", argv.nodes, 1),
    clientPort: number("--client-port", argv.clientPort, 0),
    peerPort: number("--peer-port", argv.peerPort, 0),
  };
  checkWish(wish);
  // Before a directory is made for it.
  snapshotPath(context, argv.file);
  const directory = resolve(context.cwd, unescapeText(argv.dir ?? DEFAULT_DIRECTORY));
  const made = makeDirectory(directory);
  try {
    const restored = await withClusterLock(directory, async () => {
      demandNew(directory, argv.dir);
      const state = await planCluster(wish);
      const done = await run(context, argv, whereOf(directory, state));
      // Last, since from here on there is a cluster. Its nodes are there: none may be created anew (R25).
      const nodes = state.nodes.map((node) => ({ ...node, created: true }));
      writeCluster(directory, { ...state, nodes });
      return done;
    });
    const dir = argv.dir === undefined ? "" : ` --dir ${argv.dir}`;
    tell(context, argv, restored, directory, [
      `restored ${wish.nodes ?? 3} nodes in ${directory}`,
      `Now type: ${context.commandName ?? "raftkv"} cluster start${dir}`,
    ]);
    return EXIT.done;
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

function demandNew(directory: string, asked: string | undefined): void {
  const name = asked ?? directory;
  if (readCluster(directory) !== null) {
    throw usageError(`${name} holds a cluster: a snapshot is restored into a new --dir`, "NOT_EMPTY");
  }
  // Our own lock is in it already.
  const found = existsSync(directory)
    ? readdirSync(directory).find((entry) => !entry.startsWith("cluster."))
    : null;
  if (found === null || found === undefined) return;
  throw usageError(`${name} is not empty (${found} …): a snapshot is restored into a new --dir`, "NOT_EMPTY");
}

function whereOf(directory: string, state: ClusterState): Where {
  const members = state.nodes.flatMap(({ name, peer }) => {
    const address = splitAddress(peer);
    return address === null ? [] : [{ name, ...address, witness: false }];
  });
  return {
    members,
    targets: state.nodes.map(({ name }) => ({ name, dataDir: nodeDirectory(directory, name) })),
  };
}

async function run(context: Context, argv: RestoreArguments, where: Where): Promise<Restored> {
  const file = snapshotPath(context, argv.file);
  const { restoreSnapshot } = await import("@raftkv/node");
  const progress = fileProgress(context, "restoring");
  try {
    return await restoreSnapshot({
      ...where,
      file,
      bumpRevision:
        argv.bumpRevision === undefined ? 0 : wholeNumber("--bump-revision", argv.bumpRevision, 1),
      markCompacted: argv.markCompacted,
      control: argv.control,
      onProgress: (bytes, total) => progress.at(bytes, total),
    });
  } catch (error) {
    throw damageIsNo(error);
  } finally {
    progress.end();
  }
}

function tell(
  context: Context,
  { json }: RestoreArguments,
  restored: Restored,
  directory: string,
  [done = "", next = ""]: readonly string[],
): void {
  const { about, floor, index, keys, revision, source, stateHash } = restored;
  if (json) {
    sayJson(context, {
      directory,
      fromCluster: about.clusterId,
      index,
      revision,
      floor,
      keys,
      source,
      stateHash,
    });
    return;
  }
  const controlled = stateHash === null ? "" : `; controlled, state hash ${stateHash}`;
  say(context, `${done}: ${counted(keys, "key")} at revision ${revision}, index ${index}${controlled}`);
  say(context, `It is a new cluster: members and clients of ${about.clusterId} are strangers to it.`);
  say(context, next);
}
