import type { Outage } from "../loader/protocol.js";
import type { SideName } from "../sides/side.js";
import { millis } from "./format.js";
import type { Machine } from "./results.js";
import { median } from "./summary.js";
import type { Table } from "./tables.js";

export type Harm = "kill" | "stop" | "end";

export interface Trial {
  readonly harm: Harm;
  readonly side: SideName;
  readonly outage: Outage;
}

/** `failover.json`. */
export interface FailoverResults {
  readonly at: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly clients: number;
  readonly timeoutMs: number;
  readonly afterSeconds: number;
  readonly sides: readonly { readonly name: SideName; readonly title: string; readonly version: string }[];
  readonly trials: readonly Trial[];
}

const TITLES: Readonly<Record<Harm, string>> = {
  kill: "kill -9 of the leader",
  stop: "SIGSTOP of the leader",
  end: "clean stop of the leader",
};

export function failoverTable({ sides, trials }: FailoverResults): Table {
  const rows = (["kill", "stop", "end"] as const).flatMap((harm) =>
    sides.flatMap(({ name, title }) => {
      const outages = trials
        .filter((trial) => trial.harm === harm && trial.side === name)
        .map(({ outage }) => outage);
      if (outages.length === 0) return [];
      const recovered = outages.map(({ firstAckMicros }) => firstAckMicros).filter((micros) => micros >= 0);
      const never = outages.length - recovered.length;
      return [
        [
          TITLES[harm],
          title,
          String(outages.length),
          recovered.length === 0 ? "never" : `${spread(recovered)}${never === 0 ? "" : `, ${never} never`}`,
          spread(outages.map(({ gapMicros }) => gapMicros)),
          spread(outages.map(({ clientGapMicros }) => clientGapMicros)),
        ],
      ];
    }),
  );
  return {
    title: "Failover under load, in ms: median (least to most)",
    head: [
      "harm",
      "side",
      "times",
      "to the first acknowledged write",
      "longest gap of all",
      "longest gap of any client",
    ],
    rows,
  };
}

function spread(micros: readonly number[]): string {
  return `${millis(median(micros))} (${millis(Math.min(...micros))} to ${millis(Math.max(...micros))})`;
}
