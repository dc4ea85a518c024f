import type { Random } from "../power-loss/random.js";
import { NEMESES } from "./nemeses/all.js";
import { sharesGroup, shuffled } from "./nemeses/nemesis.js";
import type { Nemesis } from "./nemeses/nemesis.js";

/** A fault to come. Everything is drawn beforehand: the seed gives the same schedule again, whatever the cluster does. */
export interface PlannedFault {
  readonly nemesis: Nemesis;
  /** From the start of the faults. */
  readonly startMs: number;
  readonly lastsMs: number;
  /** Of the choices within the fault. Who leads when it strikes is the cluster's. */
  readonly random: Random;
}

const REST_MS = [500, 3_000] as const;
/** How often a second fault of another group strikes while the first one lasts. */
const MIXED = 0.35;

/** Faults for `totalMs`: each nemesis in turn, in an order that changes from turn to turn, alone or with another. */
export function planFaults(names: readonly string[], totalMs: number, random: Random): PlannedFault[] {
  const chosen = NEMESES.filter(({ name }) => names.includes(name));
  const faults: PlannedFault[] = [];
  if (chosen.length === 0) return faults;
  let atMs = random.between(...REST_MS);
  let turn: Nemesis[] = [];
  for (;;) {
    if (turn.length === 0) turn = shuffled(chosen, random);
    const nemesis = turn.shift() as Nemesis;
    const lastsMs = random.between(...nemesis.lastsMs);
    if (atMs + lastsMs > totalMs) return faults.sort((a, b) => a.startMs - b.startMs);
    faults.push({ nemesis, startMs: atMs, lastsMs, random: random.fork() });
    let endMs = atMs + lastsMs;
    const others = chosen.filter((other) => !sharesGroup(other, nemesis));
    if (others.length > 0 && random.chance(MIXED)) {
      const other = random.pick(others);
      const startMs = atMs + random.below(lastsMs);
      const otherMs = Math.min(random.between(...other.lastsMs), totalMs - startMs);
      faults.push({ nemesis: other, startMs, lastsMs: otherMs, random: random.fork() });
      endMs = Math.max(endMs, startMs + otherMs);
    }
    atMs = endMs + random.between(...REST_MS);
  }
}
