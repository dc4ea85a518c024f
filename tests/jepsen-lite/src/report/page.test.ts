import { assert } from "chai";
import { quantile } from "./charts.js";
import { renderReport } from "./page.js";
import type { ReportOperation, RunReport } from "./run-report.js";

const operation = (at: number, changes: Partial<ReportOperation> = {}): ReportOperation => ({
  process: at % 4,
  key: "k",
  label: `put "<${at}>"`,
  outcome: "ok",
  start: at * 10,
  end: at * 10 + 5,
  isOffending: false,
  ...changes,
});

const report = (changes: Partial<RunReport> = {}): RunReport => ({
  title: "register under kill & partition",
  verdict: { ok: true, headline: "linearizable", explanation: "" },
  facts: [["operations", "200"]],
  unit: "ms",
  history: Array.from({ length: 200 }, (_, at) => operation(at)),
  faults: [
    { kind: "kill", label: "kill -9 of n1", start: 300, end: 700 },
    { kind: "partition", label: "n2 | n1 n3", start: 1_200, end: null },
  ],
  seed: "17",
  command: "npm run jepsen -- --seed 17",
  ...changes,
});

const count = (text: string, part: string): number => text.split(part).length - 1;

describe("the page of a run", () => {
  it("shows the verdict, the facts, the seed and the line that repeats it", () => {
    const page = renderReport(report());
    assert.include(page, "<h1>register under kill &amp; partition</h1>");
    assert.include(page, '<div class="verdict good">linearizable</div>');
    assert.include(page, "<td>seed</td><td>17</td>");
    assert.include(page, "<pre>npm run jepsen -- --seed 17</pre>");
    assert.notInclude(page, "What is wrong");
  });

  it("has three pictures with the faults as bands in each, and needs nothing from outside", () => {
    const page = renderReport(report());
    assert.equal(count(page, "<svg"), 3);
    assert.equal(count(page, "<title>kill -9 of n1, "), 3);
    assert.equal(count(page, "<title>n2 | n1 n3, "), 3);
    assert.notMatch(page, /<script|<link|(?:src|href)=/);
  });

  it("escapes what comes from the run", () => {
    const page = renderReport(report());
    assert.include(page, "put &quot;&lt;0&gt;&quot;");
    assert.notInclude(page, 'put "<0>"');
  });

  it("marks the offending operations and tells what is wrong", () => {
    const history = [
      operation(0),
      operation(1, { isOffending: true }),
      operation(2, { outcome: "unknown", end: null }),
    ];
    const verdict = { ok: false, headline: "not linearizable", explanation: "a < b" };
    const page = renderReport(report({ history, verdict }));
    assert.include(page, '<div class="verdict bad">');
    assert.include(page, "<pre>a &lt; b</pre>");
    assert.equal(count(page, 'class="op ok offending"'), 1);
    assert.equal(count(page, 'class="op unknown"'), 1);
  });

  it("has no latencies for a history without a clock", () => {
    const page = renderReport(report({ unit: "position", faults: [] }));
    assert.equal(count(page, "<svg"), 1);
    assert.notInclude(page, "Latency");
  });

  it("stays small for a long run: 50,000 operations in a few paths", () => {
    const history = Array.from({ length: 50_000 }, (_, at) =>
      operation(at, at % 20 === 0 ? { outcome: "unknown", end: null } : {}),
    );
    const page = renderReport(report({ history }));
    assert.isBelow(page.length, 3_000_000);
    assert.notInclude(page, 'class="op ok"');
    assert.notInclude(page, "NaN");
  });

  it("can be made of a run that did nothing", () => {
    const page = renderReport(report({ history: [], faults: [], seed: null, command: null }));
    assert.equal(count(page, "<svg"), 0);
    assert.notInclude(page, "NaN");
  });

  it("takes the quantile that is at least as large as that share", () => {
    assert.equal(quantile([1, 2, 3, 4], 0.5), 2);
    assert.equal(quantile([1, 2, 3, 4], 0.99), 4);
    assert.equal(quantile([7], 1), 7);
  });
});
