import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { ReportFault } from "../report/run-report.js";
import type { ClusterUnderTest } from "./cluster-under-test.js";
import type { PlannedFault } from "./schedule.js";

/** Lets the faults happen at their times, as far as they end in time. Resolves when the last one is over. */
export async function playFaults(
  planned: readonly PlannedFault[],
  cluster: ClusterUnderTest,
  {
    nowMs,
    onFault,
    signal,
    untilMs,
  }: {
    readonly nowMs: () => number;
    /** What would last longer is left out: starting the cluster took its part of the time. */
    readonly untilMs: number;
    readonly onFault: (label: string) => void;
    /** Ends it early. */
    readonly signal: AbortSignal;
  },
): Promise<ReportFault[]> {
  const over = abortedAfter(untilMs - nowMs(), signal);
  // Each fault listens to them.
  setMaxListeners(0, signal, over);
  const bands: ReportFault[] = [];
  const originMs = nowMs();
  const rest = (ms: number): Promise<void> => pause(Math.max(ms, 0), undefined, { signal }).catch(() => {});
  // On a slow machine a fault takes longer than it should; the next one of its group waits for its end.
  const turns = new Map<string, Promise<void>>();
  const inTurn = (fault: PlannedFault): Promise<void> => {
    const { groups } = fault.nemesis;
    const turn = Promise.all(groups.map((group) => turns.get(group) ?? Promise.resolve())).then(() =>
      play(fault),
    );
    for (const group of groups) turns.set(group, turn);
    return turn;
  };
  const play = async ({ lastsMs, nemesis, random, startMs }: PlannedFault): Promise<void> => {
    await rest(originMs + startMs - nowMs());
    if (signal.aborted || nowMs() + lastsMs > untilMs) return;
    const start = nowMs();
    const time = abortedAfter(lastsMs, signal);
    const fault = await nemesis.strike({ cluster, random, signal: time, over });
    onFault(fault.label);
    await rest(start + lastsMs - nowMs());
    await fault.end();
    bands.push({ kind: nemesis.name, label: fault.label, start, end: nowMs() });
  };
  await Promise.all(planned.map(inTurn));
  return bands.sort((a, b) => a.start - b.start);
}

/**
 * Aborted after so long, or with the other one. By a timer of its own: a timeout signal that nothing but `AbortSignal.any` refers to may
 * be collected, and never fires (Node.js 20).
 */
function abortedAfter(ms: number, signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  const onAbort = (): void => {
    clearTimeout(timer);
    controller.abort();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return controller.signal;
}
