import type { Random } from "../../power-loss/random.js";
import type { ClusterUnderTest } from "../cluster-under-test.js";

/** What a nemesis works on. Its random numbers are the fault's own. */
export interface Scene {
  readonly cluster: ClusterUnderTest;
  readonly random: Random;
  /** Aborted when the fault's time is over. */
  readonly signal: AbortSignal;
  /** Aborted when there are to be no more faults. */
  readonly over: AbortSignal;
}

/** A fault under way. */
export interface Fault {
  /** What was done, to whom. */
  readonly label: string;
  /** Takes back what it did, once its time is over. */
  end(): Promise<void> | void;
}

export type Group = "processes" | "links" | "disk" | "commands" | "members" | "leases";

export interface Nemesis {
  readonly name: string;
  /** Two that share a group do not overlap: each takes back what it did by itself. */
  readonly groups: readonly Group[];
  /** In a word or two, for `--help`. */
  readonly about: string;
  /** How long a fault lasts, milliseconds. */
  readonly lastsMs: readonly [from: number, to: number];
  strike(scene: Scene): Promise<Fault>;
}

/** The leader, or any node while there is none. */
export async function leaderOrAny({ cluster, random }: Scene): Promise<string> {
  // Drawn in any case, so that who leads does not shift what comes after.
  const any = random.pick(cluster.names);
  return (await cluster.leader()) ?? any;
}

export async function follower(scene: Scene): Promise<string> {
  const order = shuffled(scene.cluster.staying, scene.random);
  const leader = await scene.cluster.leader();
  return order.find((name) => name !== leader) as string;
}

/** What a fault began goes on after its time, until it is done; the end of all faults does not wait for it. */
export function untilOver(done: Promise<void>, { over }: Scene): Promise<void> {
  const waits = new Promise<void>((resolve) => {
    if (over.aborted) resolve();
    over.addEventListener("abort", () => resolve(), { once: true });
  });
  return Promise.race([done, waits]);
}

export function sharesGroup(one: Nemesis, other: Nemesis): boolean {
  return one.groups.some((group) => other.groups.includes(group));
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(random.below(left.length), 1));
  return order;
}

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}
