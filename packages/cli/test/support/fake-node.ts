import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Something that listens on a free port of this machine and answers HTTP as it is told to. */
export interface FakeNode {
  readonly endpoint: string;
  close(): Promise<void>;
}

export async function fakeNode(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeNode> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A status as a node gives it. */
export function statusOf(change: Readonly<Record<string, unknown>> = {}) {
  return {
    name: "n1",
    serverId: "s1",
    clusterId: "c1",
    pid: 4711,
    version: "0.1.0",
    role: "leader",
    term: 3,
    leader: "n1",
    leaderClient: "127.0.0.1:7401",
    commitIndex: 12,
    appliedIndex: 11,
    lastIndex: 13,
    revision: 9,
    hash: "0123456789abcdef0123456789abcdef",
    fsmSyncMode: "nosync",
    uptimeSeconds: 5,
    members: [],
    ...change,
  };
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** An address where nothing listens: it was free a moment ago. */
export async function deadEndpoint(): Promise<string> {
  const node = await fakeNode(() => undefined);
  await node.close();
  return node.endpoint;
}
