import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/** How to start a cluster of one node in the folder `d`, on ports that were free a moment ago. */
export async function oneNodeArguments(): Promise<{ readonly start: string[]; readonly endpoint: string }> {
  const servers = [createServer(), createServer()];
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))),
  );
  const [endpoint, peer] = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  if (endpoint === undefined || peer === undefined) throw new Error("two servers have two addresses");
  const start = ["node", "start", "--name", "n1", "--data-dir", "d", "--init", "--listen-client", endpoint];
  return { start: [...start, "--listen-peer", peer, "--initial-cluster", `n1=${peer}`], endpoint };
}
