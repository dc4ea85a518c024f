import { createServer } from "node:net";
import type { Server } from "node:net";

/**
 * Below the range that Linux gives to outgoing connections: from there, whoever tries to reach a node that is down could be
 * given its very port, and be connected to itself.
 */
const FROM = 20_000;
const TO = 32_000;
const TRIES = 1_000;

/** Ports of loopback that nobody has at the moment. All are held until all are known, so that none comes twice. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held: { readonly port: number; readonly server: Server }[] = [];
  try {
    for (let tried = 0; held.length < count; tried += 1) {
      if (tried > TRIES) throw new Error(`no ${count} free ports from ${FROM} to ${TO}`);
      const port = FROM + Math.floor(Math.random() * (TO - FROM));
      const server = await hold(port);
      if (server !== null) held.push({ port, server });
    }
  } finally {
    await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  }
  return held.map(({ port }) => port);
}

function hold(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}
