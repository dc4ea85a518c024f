import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { splitAddress } from "../address.js";
import type { AddressParts } from "../address.js";
import { CliError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import { commandLineOf } from "./process.js";

const LISTEN_STATE = "0A";
const COMMAND_CHARACTERS_MAX = 40;
const FREE_PORT_TRIES = 50;
/** Below the range that Linux gives to outgoing connections, so that none of these takes a port in between. */
const FREE_PORT_FROM = 20_000;
const FREE_PORT_TO = 32_000;

/** Null when the address can be listened on, else why not (an errno name). */
export function listenFault({ host, port }: AddressParts): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Inodes of the sockets that listen on the port. */
function listeningInodes(port: number): Set<string> {
  const inodes = new Set<string>();
  for (const path of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let table: string;
    try {
      table = readFileSync(path, "utf8");
    } catch {
      continue;
    }
    for (const line of table.split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode = "0"] = line.trim().split(/\s+/);
      if (state === LISTEN_STATE && Number.parseInt(local.split(":")[1] ?? "", 16) === port)
        inodes.add(inode);
    }
  }
  return inodes;
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode !== undefined && inodes.has(inode);
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

/** Enough to recognize a program by: the names of files without their folders, cut off where it gets long. */
function shortCommand(command: string): string {
  const names = command.replaceAll(/(^| )\/\S*\/(?=\S)/g, "$1");
  return names.length <= COMMAND_CHARACTERS_MAX ? names : `${names.slice(0, COMMAND_CHARACTERS_MAX)} …`;
}

/** `pid 4711 (node server.js)`; null where the system does not tell. */
export function portHolder(port: number): string | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && holdsSocket(name, inodes));
  if (pid === undefined) return null;
  const command = commandLineOf(Number(pid));
  return command === null ? `pid ${pid}` : `pid ${pid} (${shortCommand(command)})`;
}

/** A port that a node is going to use, and what for. */
export interface WantedPort {
  readonly address: string;
  readonly purpose: string;
}

/** @throws {CliError} PORT_IN_USE, naming each on a line of its own, and its holder where known. */
export async function requireFreePorts(wanted: readonly WantedPort[]): Promise<void> {
  const taken: string[] = [];
  for (const { address, purpose } of wanted) {
    const parts = splitAddress(address);
    const fault = parts === null ? "EINVAL" : await listenFault(parts);
    if (fault === null) continue;
    const holder = parts !== null && fault === "EADDRINUSE" ? portHolder(parts.port) : null;
    const why =
      fault === "EADDRINUSE" ? `is in use${holder === null ? "" : ` by ${holder}`}` : `fails with ${fault}`;
    taken.push(`port ${address} (${purpose}) ${why}`);
  }
  if (taken.length > 0) throw new CliError("PORT_IN_USE", EXIT.usage, taken.join("\n"));
}

/**
 * The first of `count` consecutive free ports on the host, none of them in `avoid`. Somebody may take one before it is
 * used; then the start fails and names it.
 */
export async function findFreePorts(
  host: string,
  count: number,
  avoid: ReadonlySet<number>,
): Promise<number> {
  for (let round = 0; round < FREE_PORT_TRIES; round++) {
    const first = FREE_PORT_FROM + Math.floor(Math.random() * (FREE_PORT_TO - FREE_PORT_FROM - count));
    const ports = Array.from({ length: count }, (_, offset) => first + offset);
    if (ports.some((port) => avoid.has(port))) continue;
    const faults = await Promise.all(ports.map((port) => listenFault({ host, port })));
    if (faults.every((fault) => fault === null)) return first;
  }
  throw new CliError("PORT_IN_USE", EXIT.usage, `no ${count} consecutive ports are free on ${host}`);
}
