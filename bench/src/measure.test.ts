import { expect } from "chai";
import { JOB_DEFAULTS } from "./loader/protocol.js";
import type { JobResult } from "./loader/protocol.js";
import { isSynced } from "./measure.js";

const RESULT: JobResult = {
  seconds: 1,
  operations: 1_000,
  latencies: [],
  sendLag: [],
  errors: {},
  cpuSeconds: 0,
};
const use = (fsyncs: readonly number[] | null) => ({
  cpuSeconds: 0,
  peakResidentBytes: 0,
  writtenBytes: 0,
  fsyncs,
  lagMicros: null,
});

describe("Whether a side synced what it acknowledged", () => {
  it("asks one sync a put on each of a majority, when one client waits for each", () => {
    const job = { ...JOB_DEFAULTS, clients: 1 };
    expect(isSynced(job, RESULT, use([1_000, 1_000, 0]))).to.equal(true);
    expect(isSynced(job, RESULT, use([1_000, 0, 0]))).to.equal(false);
    expect(isSynced(job, RESULT, use([1, 1, 1]))).to.equal(false);
  });

  it("lets one sync cover no more puts than there are clients", () => {
    const job = { ...JOB_DEFAULTS, clients: 10 };
    expect(isSynced(job, RESULT, use([100, 100, 0]))).to.equal(true);
    expect(isSynced(job, RESULT, use([50, 50, 0]))).to.equal(false);
  });

  it("is not known where nothing counts, nor asked where not every operation is a put", () => {
    expect(isSynced(JOB_DEFAULTS, RESULT, use(null))).to.equal(null);
    expect(isSynced({ ...JOB_DEFAULTS, operation: "get" }, RESULT, use([0, 0, 0]))).to.equal(null);
    expect(isSynced({ ...JOB_DEFAULTS, mode: "watch" }, RESULT, use([0, 0, 0]))).to.equal(null);
  });
});
