import { readFileSync } from "node:fs";
import { expect } from "chai";
import { KNOBS, SETTINGS, environmentNameOf, flagOf, keyOf } from "@raftkv/node";
import type { Knob, Setting } from "@raftkv/node";

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

/** What it is called on the command line, in the environment and in a file. */
function names(option: string): string[] {
  return [flagOf(option), environmentNameOf(option), keyOf(option)].map((name) => `\`${name}\``);
}

describe("docs/operating.md", () => {
  const text = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => /^\| `--\S+` \| `[A-Z_]+` \| /.test(line));

  for (const [name, knob] of Object.entries(KNOBS) as [string, Knob][]) {
    it(`tells names, default and range of ${flagOf(name)} as they are (C7)`, () => {
      const cells = [
        ...names(name),
        ...[knob.default, knob.min, knob.max].map((value) => shown(knob, value)),
        knob.description,
      ];
      expect(rows).to.include(`| ${cells.join(" | ")} |`);
    });
  }

  for (const [name, setting] of Object.entries(SETTINGS) as [string, Setting][]) {
    it(`tells names and default of ${flagOf(name)} as they are`, () => {
      const fallback = setting.default === null ? "" : `\`${setting.default}\``;
      expect(rows).to.include(`| ${[...names(name), fallback, setting.description].join(" | ")} |`);
    });
  }

  it("tells of no setting that there is not", () => {
    const flags = [...Object.keys(SETTINGS), ...Object.keys(KNOBS)].map((name) => `\`${flagOf(name)}\``);
    expect(rows.map((row) => row.split(" | ")[0]?.slice(2))).to.have.members(flags);
  });
});
