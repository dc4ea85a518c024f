import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { expect } from "chai";
import { LaneConnection } from "../dist/peer/lane.js";
import { createLogger } from "../dist/logger.js";
import { until } from "./support/nodes.js";

describe("a lane to a peer that was away", () => {
  const realSetTimeout = globalThis.setTimeout;
  let server: Server;
  let dials = 0;
  let retries = 0;

  /** Whoever waits for its next try waits for ever: only a hurry can dial. */
  function withoutRetries(): void {
    const patched = (callback: () => void, ms: number, ...rest: unknown[]): NodeJS.Timeout => {
      const isRetry = callback.toString().includes("this.dial()");
      if (isRetry) retries += 1;
      return realSetTimeout(isRetry ? () => undefined : callback, ms, ...(rest as []));
    };
    globalThis.setTimeout = patched as typeof setTimeout;
  }

  async function listen(port: number): Promise<number> {
    server = createServer((socket) => {
      dials += 1;
      socket.on("error", () => undefined);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  afterEach(() => {
    globalThis.setTimeout = realSetTimeout;
    server.close();
  });

  it("dials at once when that one has dialled, and not a second time while it does", async () => {
    const port = await listen(0);
    await new Promise((resolve) => server.close(resolve));
    withoutRetries();
    const lane = new LaneConnection({
      lane: "bulk",
      name: "n1",
      peerName: "n2",
      address: `127.0.0.1:${port}`,
      frameBytesMax: 1024,
      logger: createLogger("fatal", "n1", () => ({ group: 1, term: 0 })),
      identity: () => {
        throw new Error("nobody is greeted here");
      },
      meet: () => null,
      onRefused: () => undefined,
      onUp: () => undefined,
      onDown: () => undefined,
    });
    lane.dial();
    await until("the first try to fail", () => (retries === 1 ? true : null));
    await listen(port);
    lane.hurry();
    lane.hurry();
    await until("the hurried one to fail", () => (retries === 2 ? true : null));
    expect(dials).to.equal(1);
    lane.close();
    lane.hurry();
    expect(dials).to.equal(1);
  });
});
