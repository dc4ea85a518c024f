import { HOST_PORT_ALLOWED } from "./host-port.js";
import { LOG_LEVELS } from "./log-levels.js";

/** A setting that is no number. Each is a flag, a variable and a key of the configuration file, as the knobs are. */
export interface Setting {
  readonly kind: "text" | "switch";
  /** What holds when nothing is said; null when there is no such thing. */
  readonly default: string | null;
  readonly isAddress: boolean;
  readonly description: string;
}

function text(description: string, { fallback = null }: { readonly fallback?: string | null } = {}): Setting {
  return { kind: "text", default: fallback, isAddress: false, description };
}

function address(
  description: string,
  { fallback = null }: { readonly fallback?: string | null } = {},
): Setting {
  return { kind: "text", default: fallback, isAddress: true, description };
}

function onOff(description: string): Setting {
  return { kind: "switch", default: "false", isAddress: false, description };
}

/** Under the names that they have in NodeOptions; `init` and `join` are its `start`. */
export const SETTINGS = {
  name: text("the node's name, unique in the cluster"),
  dataDir: text("where the node keeps everything"),
  init: onOff("an empty data directory begins a new cluster"),
  join: onOff("an empty data directory joins a cluster that is there"),
  initialCluster: text(
    "all members as they find each other: n1=HOST:PORT,n2=…; the same on all, with /witness behind a witness's address",
  ),
  witness: onOff("vote and store the log, without data; the list of members must say so too"),
  listenClient: address(`where clients and HTTP connect: ${HOST_PORT_ALLOWED}`),
  listenPeer: address("where the other nodes connect"),
  advertiseClient: address("what clients are told instead of --listen-client", {
    fallback: "--listen-client",
  }),
  advertisePeer: address("what the other nodes are told instead of --listen-peer", {
    fallback: "--listen-peer",
  }),
  insecure: { ...onOff("listen on more than loopback, without encryption"), isAddress: true },
  fsmSyncMode: text("sync or nosync: whether each write of the store is synced; the log always is", {
    fallback: "nosync",
  }),
  logLevel: text(`one of ${LOG_LEVELS.join(", ")}`, { fallback: "info" }),
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;
