import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SideError } from "./side.js";

const STOP_LIMIT_MS = 10_000;
const POLL_MS = 20;
const WORDS_MAX = 400;

interface Server {
  readonly command: string;
  readonly args: readonly string[];
  child: ChildProcess;
}

/** Processes of a peer's servers, which do not outlive this one. */
export class Servers {
  readonly #directory: string;
  readonly #servers = new Map<string, Server>();
  readonly #killAll = (): void => {
    for (const { child } of this.#servers.values()) child.kill("SIGKILL");
  };

  constructor(directory: string) {
    this.#directory = directory;
    process.once("exit", this.#killAll);
  }

  /** Or again, with what it was started with before. */
  start(name: string, command: string, args: readonly string[]): void {
    const log = openSync(this.#logOf(name), "a");
    const child = spawn(command, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    // That it could not be started shows in `requireAlive`.
    child.once("error", () => undefined);
    this.#servers.set(name, { command, args, child });
  }

  /** Once the process before is gone. */
  async restart(name: string): Promise<void> {
    const { child, command, args } = this.#server(name);
    await hasGone(child);
    this.start(name, command, args);
  }

  pids(): Map<string, number> {
    return new Map([...this.#servers].map(([name, { child }]) => [name, child.pid ?? -1]));
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#server(name).child.kill(signal);
  }

  /** @throws {SideError} one has ended, with the end of its log. */
  requireAlive(): void {
    for (const [name, { child }] of this.#servers) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) continue;
      const log = readFileSync(this.#logOf(name), "utf8").slice(-WORDS_MAX).trim();
      throw new SideError(`${name} has ended: ${log}`);
    }
  }

  async stop(): Promise<void> {
    const children = [...this.#servers.values()].map(({ child }) => child);
    const gone = children.map(hasGone);
    for (const child of children) child.kill("SIGTERM");
    // One that was stopped by a signal does not hear of its end.
    for (const child of children) child.kill("SIGCONT");
    const timer = setTimeout(this.#killAll, STOP_LIMIT_MS);
    await Promise.all(gone);
    clearTimeout(timer);
    process.off("exit", this.#killAll);
  }

  #server(name: string): Server {
    const server = this.#servers.get(name);
    if (server === undefined) throw new SideError(`there is no server ${name}`);
    return server;
  }

  #logOf(name: string): string {
    return join(this.#directory, `${name}.log`);
  }
}

async function hasGone(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Asks until it is so; an error of asking means not yet. @throws {SideError} it is not within the limit. */
export async function waitFor(
  what: string,
  isSo: () => Promise<boolean>,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const end = performance.now() + limitMs;
  for (let reason = ""; ; await delay(POLL_MS)) {
    signal.throwIfAborted();
    try {
      if (await isSo()) return;
    } catch (error) {
      if (error instanceof SideError) throw error;
      reason = `: ${(error as Error).message}`;
    }
    if (performance.now() > end) throw new SideError(`${what} takes more than ${limitMs} ms${reason}`);
  }
}
