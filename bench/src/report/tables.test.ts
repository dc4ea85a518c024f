import { expect } from "chai";
import { htmlReport } from "./html.js";
import { RESULTS_FORMAT } from "./results.js";
import type { Measurement, Results } from "./results.js";
import { memoryTable, speedTable } from "./tables.js";

const measurement = (round: number, side: "raftkv" | "etcd", perSecond: number): Measurement => ({
  round,
  side,
  workload: "put-64",
  operations: perSecond,
  seconds: 1,
  perSecond,
  percentiles: [
    [50, 1_000],
    [99, 5_000],
  ],
  sendLagMicros: 0,
  errors: {},
  loaderCpuSeconds: 0.1,
  servers: {
    cpuSeconds: 1,
    peakResidentBytes: round * 1024 * 1024,
    writtenBytes: 0,
    fsyncs: [1, 1, 1],
    lagMicros: null,
  },
  synced: side === "raftkv",
});

const side = { unsynced: null, version: "1" };
const RESULTS: Results = {
  format: RESULTS_FORMAT,
  at: "2026-01-02T00:00:00.000Z",
  commit: "abc",
  machine: { cpu: "x <1>", cores: 2, memoryBytes: 0, kernel: "6", node: "20", loadBefore: 0 },
  settings: { rounds: 3, seconds: 1, quick: false },
  diskSyncsPerSecond: [100, 300, 200],
  sides: [
    { name: "etcd", title: "etcd", ...side },
    { name: "raftkv", title: "raftkv", ...side },
  ],
  workloads: [
    { name: "put-64", title: "put, 64 clients", unit: "puts", clients: 64, curve: null, countsMemory: true },
  ],
  measurements: [10, 1_000, 400].flatMap((rate, index) => [
    measurement(index + 1, "etcd", rate),
    measurement(index + 1, "raftkv", rate * 5),
  ]),
};

describe("Tables of the benchmark", () => {
  it("show medians of the rounds, their ratio, and mark what was not synced", () => {
    expect(speedTable(RESULTS)).to.deep.include({
      head: ["workload", "etcd", "raftkv", "raftkv : etcd"],
      rows: [["put, 64 clients", "400 NOT SYNCED", "2,000", "5.00 ×"]],
    });
  });

  it("show the median over the rounds of the largest node", () => {
    expect(memoryTable(RESULTS).rows[0]).to.deep.equal(["etcd", "1", "2 MiB", "1.00 ×"]);
  });

  it("go into a page that needs nothing from elsewhere", () => {
    const page = htmlReport(RESULTS);
    expect(page).to.include("x &lt;1&gt;").and.to.include("<svg");
    expect(page).not.to.match(/src=|href=|@import|url\(/);
  });
});
