import type { Operation } from "@raftkv/checker";
import type { Judgement } from "../check/judge.js";
import { commandOf } from "./options.js";
import type { RunArguments } from "./options.js";
import type { Recorded } from "./run.js";

export interface WorkloadVerdict {
  readonly name: string;
  readonly ok: boolean | null;
  readonly summary: string;
  readonly explanation: string;
  readonly operations: number;
  readonly answered: number;
  readonly unknown: number;
  readonly failed: number;
  /** The longest stretch without an answer, milliseconds. */
  readonly longestStallMs: number;
}

/** What `results.json` holds. */
export interface RunVerdict {
  readonly ok: boolean;
  readonly seed: number;
  readonly command: string;
  readonly seconds: number;
  readonly nodes: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly operations: number;
  readonly answered: number;
  readonly unknown: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly longestStallMs: number;
  readonly hashes: Readonly<Record<string, string>>;
  readonly findings: readonly string[];
  readonly workloads: readonly WorkloadVerdict[];
}

export interface Judged {
  readonly verdict: RunVerdict;
  readonly offending: ReadonlySet<Operation>;
  readonly history: readonly Operation[];
}

/** Lets every check speak. Only a run without a finding, in which each workload did enough, is a pass. */
export function judgeRun(run: Recorded, arguments_: RunArguments): Judged {
  const history = run.load.history();
  const findings = [...run.findings];
  const offending = new Set<Operation>();
  const workloads = run.workloads.map((workload) => {
    const own = history.filter((_, id) => run.load.spans[id]?.workload === workload.name);
    const judged = judgeOne(() => workload.judge(own));
    for (const operation of judged.offending) offending.add(operation);
    if (judged.ok !== true) findings.push(`${workload.name}: ${judged.explanation.split("\n")[0]}`);
    const verdict = verdictOf(workload.name, judged, own, run);
    const floor = (arguments_.floor * run.loadedMs) / 60_000;
    if (verdict.answered < floor)
      findings.push(`${workload.name}: ${verdict.answered} answers, and the floor is ${Math.ceil(floor)}`);
    return verdict;
  });
  const faults: Record<string, number> = {};
  for (const { kind } of run.faults) faults[kind] = (faults[kind] ?? 0) + 1;
  const verdict: RunVerdict = {
    ok: findings.length === 0,
    seed: arguments_.seed,
    command: commandOf(arguments_),
    seconds: Math.round(run.loadedMs / 1000),
    nodes: arguments_.nodes,
    settings: run.settings,
    ...countsOf(history),
    errors: Object.fromEntries(run.load.errors),
    faults,
    longestStallMs: stallOf(run, () => true),
    hashes: run.hashes,
    findings,
    workloads,
  };
  return { verdict, offending, history };
}

/** A checker that throws has met a history that it does not understand: no pass. */
function judgeOne(judge: () => Judgement): Judgement {
  try {
    return judge();
  } catch (error) {
    const explanation = `the check failed: ${(error as Error).message}`;
    return { ok: null, summary: "not judged", explanation, offending: [] };
  }
}

function verdictOf(
  name: string,
  { explanation, ok, summary }: Judgement,
  own: readonly Operation[],
  run: Recorded,
): WorkloadVerdict {
  return {
    name,
    ok,
    summary,
    explanation,
    ...countsOf(own),
    longestStallMs: stallOf(run, (workload) => workload === name),
  };
}

function countsOf(history: readonly Operation[]) {
  const count = (outcome: Operation["outcome"]): number =>
    history.filter((operation) => operation.outcome === outcome).length;
  return {
    operations: history.length,
    answered: count("ok"),
    unknown: count("unknown"),
    failed: count("fail"),
  };
}

/** Between two answers, at most. */
function stallOf({ load }: Recorded, isMeant: (workload: string) => boolean): number {
  const history = load.history();
  const ends = load.spans.flatMap(({ endMs, workload }, id) =>
    endMs !== null && isMeant(workload) && history[id]?.outcome === "ok" ? [endMs] : [],
  );
  ends.sort((a, b) => a - b);
  let longest = 0;
  for (const [index, end] of ends.entries())
    longest = Math.max(longest, end - (index === 0 ? end : (ends[index - 1] as number)));
  return Math.round(longest);
}
