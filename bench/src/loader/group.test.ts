import { expect } from "chai";
import { merged, shares } from "./group.js";
import { JOB_DEFAULTS } from "./protocol.js";
import type { JobResult } from "./protocol.js";

describe("A job over several loader processes", () => {
  it("is shared with no caller, key or request lost", () => {
    const job = {
      ...JOB_DEFAULTS,
      mode: "fill",
      clients: 7,
      connections: 5,
      keys: 100,
      firstKey: 50,
    } as const;
    const parts = shares(job, 3);
    expect(parts.map(({ clients }) => clients)).to.deep.equal([2, 2, 3]);
    expect(parts.reduce((sum, { connections }) => sum + connections, 0)).to.equal(5);
    let next = 50;
    for (const { firstKey, keys } of parts) {
      expect(firstKey).to.equal(next);
      next += keys;
    }
    expect(next).to.equal(150);
  });

  it("goes to no more processes than it has callers", () => {
    expect(shares({ ...JOB_DEFAULTS, clients: 1 }, 2)).to.have.lengthOf(1);
  });

  it("has the sum of all operations and errors, and the slowest time", () => {
    const part = (operations: number, seconds: number): JobResult => ({
      seconds,
      operations,
      latencies: [[100, operations]],
      sendLag: [],
      errors: { TIMEOUT: 1 },
      cpuSeconds: 0.5,
    });
    expect(merged([part(10, 1), part(20, 2)])).to.deep.equal({
      seconds: 2,
      operations: 30,
      latencies: [[100, 30]],
      sendLag: [],
      errors: { TIMEOUT: 2 },
      cpuSeconds: 1,
    });
  });
});
