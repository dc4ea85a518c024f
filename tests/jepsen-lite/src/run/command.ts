import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatHistory, summarize } from "@raftkv/checker";
import { renderReport } from "../report/page.js";
import { NODES, record } from "./run.js";
import type { Recorded } from "./run.js";
import { commandOf } from "./options.js";
import type { RunArguments } from "./options.js";
import { judgeRun } from "./verdict.js";
import type { Judged, RunVerdict } from "./verdict.js";

/** A contract with scripts. */
export const RUN_EXIT = { kept: 0, broken: 1 } as const;

export interface Done {
  readonly exitCode: number;
  readonly verdict: RunVerdict;
  readonly dir: string;
}

/** Runs, judges and reports. `env` is for the nodes, beside their settings. */
export async function run(
  arguments_: RunArguments,
  tell: (line: string) => void,
  env: NodeJS.ProcessEnv = {},
): Promise<Done> {
  tell(`again:  ${commandOf(arguments_)}`);
  const recorded = await record(arguments_, env, tell);
  const judged = judgeRun(recorded, arguments_);
  const { verdict } = judged;
  const { dir } = recorded;
  writeFileSync(join(dir, "history.jsonl"), formatHistory(judged.history));
  writeFileSync(join(dir, "results.json"), `${JSON.stringify(verdict, null, 2)}\n`);
  writeFileSync(join(dir, "report.html"), page(recorded, judged));
  // The data of a run that failed are for whoever wants to know why.
  if (verdict.ok) rmSync(join(dir, NODES), { recursive: true, force: true });
  for (const line of told(verdict)) tell(line);
  tell(`report: ${join(dir, "report.html")}`);
  tell(`again:  ${verdict.command}`);
  tell(verdict.ok ? "kept: everything that was promised" : "broken, or not shown");
  return { exitCode: verdict.ok ? RUN_EXIT.kept : RUN_EXIT.broken, verdict, dir };
}

/** What the terminal shows at the end. */
function told(verdict: RunVerdict): string[] {
  const { answered, errors, failed, faults, findings, longestStallMs, operations, unknown } = verdict;
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ") || "none";
  return [
    ...verdict.workloads.map(
      ({ name, ok, summary }) => `${name.padEnd(10)} ${ok === true ? "ok " : "BAD"} ${summary}`,
    ),
    ...verdict.workloads.flatMap(({ explanation, ok }) => (ok === true ? [] : [explanation])),
    `${operations} operations: ${answered} answered, ${failed} failed, ${unknown} of unknown outcome; longest stall ${longestStallMs} ms`,
    `faults: ${list(faults)}; errors: ${list(errors)}`,
    ...findings.map((finding) => `finding: ${finding}`),
  ];
}

function page({ faults, load }: Recorded, { history, offending, verdict }: Judged): string {
  const hashes = Object.entries(verdict.hashes).map(([name, hash]) => [name, hash] as const);
  return renderReport({
    title: `${verdict.workloads.map(({ name }) => name).join(", ")} under ${Object.keys(verdict.faults).join(", ") || "no faults"}`,
    verdict: {
      ok: verdict.ok,
      headline: verdict.ok ? "everything that was promised was kept" : "broken, or not shown",
      explanation: [
        ...verdict.findings,
        ...verdict.workloads.filter(({ ok }) => ok !== true).map(({ explanation }) => explanation),
      ].join("\n\n"),
    },
    facts: [
      ["nodes", String(verdict.nodes)],
      ["seconds", String(verdict.seconds)],
      [
        "operations",
        `${verdict.operations}, ${verdict.answered} answered, ${verdict.unknown} of unknown outcome`,
      ],
      ["longest stall", `${verdict.longestStallMs} ms`],
      ...verdict.workloads.map(({ name, summary }) => [name, summary] as const),
      ...hashes,
      ...Object.entries(verdict.settings),
    ],
    unit: "ms",
    history: history.map((operation, id) => ({
      process: operation.process,
      key: operation.key,
      label: summarize(operation),
      outcome: operation.outcome,
      start: load.spans[id]?.startMs ?? 0,
      end: operation.outcome === "unknown" ? null : (load.spans[id]?.endMs ?? null),
      isOffending: offending.has(operation),
    })),
    faults: [...faults],
    seed: String(verdict.seed),
    command: verdict.command,
  });
}
