import { readFileSync } from "node:fs";
import { expect } from "chai";
import { KNOBS, flagOf } from "@raftkv/node";
import type { Knob } from "@raftkv/node";

const UNITS = [
  { bytes: 2 ** 30, name: "GiB" },
  { bytes: 2 ** 20, name: "MiB" },
  { bytes: 2 ** 10, name: "KiB" },
] as const;

function shown(knob: Knob, value: number): string {
  if (knob.unit === "ms") return `${value} ms`;
  if (knob.unit === "count") return String(value);
  const unit = UNITS.find(({ bytes }) => value % bytes === 0);
  return unit === undefined ? `${value} B` : `${value / unit.bytes} ${unit.name}`;
}

describe("docs/operating.md", () => {
  const text = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");

  for (const [name, knob] of Object.entries(KNOBS) as [string, Knob][]) {
    it(`tells default and range of ${flagOf(name)} as they are (C7)`, () => {
      const cells = [
        `\`${flagOf(name)}\``,
        ...[knob.default, knob.min, knob.max].map((value) => shown(knob, value)),
      ];
      expect(text).to.contain(`| ${cells.join(" | ")} | ${knob.description} |`);
    });
  }
});
