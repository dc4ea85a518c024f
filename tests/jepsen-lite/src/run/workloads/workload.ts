import type { Operation } from "@raftkv/checker";
import type { Client } from "@raftkv/client";
import type { Judgement } from "../../check/judge.js";
import type { Random } from "../../power-loss/random.js";
import type { Load } from "../load.js";

/** What a workload is started with. */
export interface Stage {
  readonly load: Load;
  readonly random: Random;
  /** Pauses of a process between two turns, milliseconds at most. */
  readonly pauseMs: number;
}

/** A kind of load, and what must hold of its history. */
export interface Workload {
  readonly name: string;
  readonly about: string;
  /** Resolves when its processes go. */
  start(stage: Stage): Promise<void>;
  /** Once all is healed, and nothing else goes on: the last look. */
  finish?(stage: Stage, client: Client): Promise<void>;
  judge(history: readonly Operation[]): Judgement;
}

/** A judgement of findings: what a check says beside `ok`, which also wants something to judge. */
export function judgement(
  history: readonly Operation[],
  ok: boolean,
  facts: string,
  findings: readonly { readonly reason: string; readonly kind: string }[],
  offending: readonly Operation[],
): Judgement {
  const unknown = history.filter(({ outcome }) => outcome === "unknown").length;
  const SHOWN_MAX = 10;
  const told = findings.slice(0, SHOWN_MAX).map(({ kind, reason }) => `${kind}: ${reason}`);
  const more = findings.length > SHOWN_MAX ? [`and ${findings.length - SHOWN_MAX} more`] : [];
  const nothing = !ok && findings.length === 0 ? ["there was nothing to judge"] : [];
  return {
    ok,
    summary: `${history.length} operations, ${unknown} of unknown outcome; ${facts}`,
    explanation: [...told, ...more, ...nothing].join("\n"),
    offending,
  };
}
