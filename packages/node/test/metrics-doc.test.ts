import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Registry } from "prom-client";
import { createMetrics } from "../dist/metrics.js";
import { idleSource } from "./support/idle-metrics.js";

interface Row {
  readonly name: string;
  readonly labels: string;
  readonly kind: string;
  readonly meaning: string;
}

const ROW =
  /^\| `(?<name>\w+)(?:\{(?<labels>[\w,]+)\})?` \| (?<kind>gauge|counter|histogram) \| (?<meaning>.+?) \| .*\|$/;

/** Labels that a metric was declared with; our histograms have none. */
function labelsOf(metric: object): string {
  const { labelNames } = metric as { readonly labelNames?: readonly string[] };
  return [...(labelNames ?? [])].join();
}

function kindOf(registry: Registry, name: string, text: string): string {
  expect(registry.getSingleMetric(name), `there is no ${name}`).to.be.an("object");
  return new RegExp(`^# TYPE ${name} (\\w+)$`, "m").exec(text)?.[1] ?? "none";
}

describe("the table of metrics in docs/operating.md", () => {
  const docs = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
  const section = docs.split("\n## Metrics\n")[1]?.split("\n## ")[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| `"));
  const rows = lines.map((line): Row => {
    const { name = "", labels = "", kind = "", meaning = "" } = ROW.exec(line)?.groups ?? {};
    if (name === "") throw new Error(`no row of a metric: ${line}`);
    return { name, labels: labels ?? "", kind, meaning };
  });
  const { registry } = createMetrics(idleSource());

  it("has every metric of ours", () => {
    const ours = registry.getMetricsAsArray().map(({ name }) => name);
    const documented = rows.map(({ name }) => name).filter((name) => name.startsWith("raftkv_"));
    expect(documented).to.have.members(ours.filter((name) => name.startsWith("raftkv_")));
    expect(documented.length).to.be.greaterThan(50);
  });

  for (const { kind, labels, name } of rows) {
    it(`tells kind and labels of ${name} as they are`, async () => {
      const text = await registry.metrics();
      expect(kindOf(registry, name, text)).to.equal(kind);
      expect(labelsOf(registry.getSingleMetric(name) ?? {})).to.equal(labels);
    });
  }
});
