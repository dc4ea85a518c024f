import { fileURLToPath } from "node:url";
import type { Job } from "../loader/protocol.js";
import { Servers, freePorts, waitFor } from "./servers.js";
import { SideError } from "./side.js";
import type { RunningSide, Side, StartOptions } from "./side.js";
import { connectEcho } from "../echo/client.js";

const START_LIMIT_MS = 10_000;
const SERVER = fileURLToPath(new URL("../echo/server.js", import.meta.url));
const LOADER = fileURLToPath(new URL("../loader/main.js", import.meta.url));
const MODES: readonly Job["mode"][] = ["closed", "open"];

/** Three processes that pass frames on and keep nothing: the limit of this machine, not a store. */
export const echo: Side = {
  name: "echo",
  title: "bare echo",
  unsynced: "it keeps nothing: the limit of sockets and framing alone",
  can: ({ mode, operation }) => MODES.includes(mode) && operation === "put",
  missing: () => null,
  prepare: () => Promise.resolve(),
  version: () => `Node.js ${process.version}`,
  start: startEcho,
};

async function startEcho({ directory, nodes, signal }: StartOptions): Promise<RunningSide> {
  const ports = await freePorts(nodes);
  const servers = new Servers(directory);
  const [first = 0, ...followers] = ports;
  const answers = async (port: number): Promise<boolean> => {
    servers.requireAlive();
    await (await connectEcho(`127.0.0.1:${port}`)).close();
    return true;
  };
  try {
    for (const [index, port] of followers.entries()) {
      servers.start(`echo${index + 2}`, process.execPath, [SERVER, String(port)]);
      await waitFor("the echo's start", () => answers(port), { limitMs: START_LIMIT_MS, signal });
    }
    servers.start("echo1", process.execPath, [SERVER, ...ports.map(String)]);
    await waitFor("the echo's start", () => answers(first), { limitMs: START_LIMIT_MS, signal });
  } catch (error) {
    await servers.stop();
    throw error;
  }
  const loader = { command: process.execPath, args: [LOADER, "echo", `127.0.0.1:${first}`] };
  return {
    loader,
    loaderOf: () => loader,
    pids: () => servers.pids(),
    counters: () => Promise.resolve(null),
    leader: () => Promise.resolve("echo1"),
    signal: (name, kind) => servers.signal(name, kind),
    restart: () => Promise.reject(new SideError("the echo has nothing to come back to")),
    isServing: () => Promise.reject(new SideError("the echo has no reads")),
    address: () => `127.0.0.1:${first}`,
    stop: () => servers.stop(),
  };
}
