import { expect } from "chai";
import { JOB_DEFAULTS } from "../loader/protocol.js";
import type { Job } from "../loader/protocol.js";
import { tmpdir } from "node:os";
import { withFolder, withLoaders, withSide } from "../running.js";
import { echo } from "./echo.js";

const HOOKS = { onMeasuring: () => undefined, onProgress: () => undefined, onRecovered: () => undefined };
const { signal } = new AbortController();

/** The loader as a process of its own, on the bare echo: what every side goes through. */
function load(job: Partial<Job>, count = 1) {
  return withFolder(tmpdir(), (directory) =>
    withSide(echo, { directory, nodes: 3, signal, profileDirectory: null }, (running) =>
      withLoaders(running.loader, { count, signal }, (loaders) =>
        loaders.run(
          { ...JOB_DEFAULTS, clients: 8, connections: 2, warmupSeconds: 0, seconds: 0.3, ...job },
          HOOKS,
        ),
      ),
    ),
  );
}

describe("A loader on the bare echo", () => {
  it("counts each answer once, with its latency", async () => {
    const result = await load({});
    expect(result.operations).to.be.greaterThan(0);
    expect(result.errors).to.deep.equal({});
    expect(result.latencies.reduce((sum, [, count]) => sum + count, 0)).to.equal(result.operations);
  });

  it("fills every key once, over two processes too", async () => {
    const result = await load({ mode: "fill", keys: 101 }, 2);
    expect(result.operations).to.equal(101);
  });

  it("keeps to the rate of an open loop, and tells how late it was", async () => {
    // A fifth of a request a tick; a closed loop would do many times that.
    const result = await load({ mode: "open", ratePerSecond: 100, seconds: 0.5 });
    const ticks = result.sendLag.reduce((sum, [, count]) => sum + count, 0);
    expect(result.operations).to.be.within(1, ticks / 2 + 10);
  });

  it("ends what it began when the loader has no such operation", async () => {
    await load({ operation: "append" }).then(
      () => expect.fail("it went on"),
      (error: unknown) => expect(String(error)).to.include("no operation append"),
    );
  });

  it("is gone, with its servers, when the run is interrupted", async () => {
    const stopping = new AbortController();
    let pids: number[] = [];
    const interrupted = withFolder(tmpdir(), (directory) =>
      withSide(echo, { directory, nodes: 3, signal: stopping.signal, profileDirectory: null }, (running) => {
        pids = [...running.pids().values()];
        return withLoaders(running.loader, { count: 1, signal: stopping.signal }, (loaders) =>
          loaders.run(
            { ...JOB_DEFAULTS, clients: 1, connections: 1, seconds: 600 },
            { ...HOOKS, onMeasuring: () => stopping.abort() },
          ),
        );
      }),
    );
    await interrupted.then(
      () => expect.fail("it went on"),
      (error: unknown) => expect(String(error)).to.include("SIGKILL"),
    );
    expect(pids).to.have.lengthOf(3);
    for (const pid of pids) expect(() => process.kill(pid, 0)).to.throw("ESRCH");
  });
});
