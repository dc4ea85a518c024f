import type { Random } from "../../power-loss/random.js";
import type { Network } from "../network.js";
import { leaderOrAny, shuffled } from "./nemesis.js";
import type { Fault, Nemesis, Scene } from "./nemesis.js";

/** From whom to whom nothing passes. */
type Cut = readonly [from: string, to: string];

function both(one: readonly string[], other: readonly string[]): Cut[] {
  return one.flatMap((a) =>
    other.flatMap((b): Cut[] => [
      [a, b],
      [b, a],
    ]),
  );
}

/** Cuts, and heals: what waited comes late, or its connections break. Clients lose those whom they shall not reach, too. */
function cut(
  { cluster, random }: Scene,
  label: string,
  cuts: readonly Cut[],
  noClients: readonly string[],
): Fault {
  const { network } = cluster;
  const dropHeld = random.chance(0.5);
  for (const [from, to] of cuts) network.setPeer(from, to, { cut: true });
  for (const name of noClients)
    for (const direction of ["there", "back"] as const) network.setClient(name, direction, { cut: true });
  const clients = noClients.length === 0 ? "" : `, clients cut off from ${noClients.join(" ")}`;
  return { label: label + clients, end: () => network.heal({ dropHeld }) };
}

export const partition: Nemesis = {
  name: "partition",
  groups: ["links"],
  about: "halves, the leader alone, a bridge, a ring, one way only; sometimes between clients and nodes too",
  lastsMs: [500, 8_000],
  async strike(scene) {
    const { cluster, random } = scene;
    const order = shuffled(cluster.names, random);
    const kind = random.pick(["halves", "leader", "bridge", "ring", "one way out", "one way in"] as const);
    const isForClients = random.chance(0.3);
    const reach = (names: readonly string[]): readonly string[] => (isForClients ? names : []);
    switch (kind) {
      case "halves": {
        const at = random.between(1, order.length - 1);
        const [one, other] = [order.slice(0, at), order.slice(at)];
        const smaller = one.length < other.length ? one : other;
        return cut(scene, `${one.join(" ")} | ${other.join(" ")}`, both(one, other), reach(smaller));
      }
      case "leader": {
        const leader = await leaderOrAny(scene);
        const others = order.filter((name) => name !== leader);
        return cut(scene, `${leader} alone`, both([leader], others), reach([leader]));
      }
      case "bridge": {
        const middle = order[0] as string;
        const at = 1 + Math.ceil((order.length - 1) / 2);
        const [one, other] = [order.slice(1, at), order.slice(at)];
        const label = `${one.join(" ")} - ${middle} - ${other.join(" ")}`;
        return cut(scene, label, both(one, other), []);
      }
      case "ring":
        return cut(scene, `ring ${order.join(" ")}`, outsideOfRing(order), []);
      case "one way out":
      case "one way in": {
        const name = await leaderOrAny(scene);
        const others = order.filter((other) => other !== name);
        const out = others.map((other): Cut => [name, other]);
        const cuts = kind === "one way out" ? out : out.map(([from, to]): Cut => [to, from]);
        return cut(scene, `nothing passes ${kind === "one way out" ? "from" : "to"} ${name}`, cuts, []);
      }
    }
  },
};

/** With three nodes everybody is everybody's neighbour: there one link is cut. */
function outsideOfRing(order: readonly string[]): Cut[] {
  const count = order.length;
  if (count <= 3) return both(order.slice(0, 1), order.slice(1, 2));
  return order.flatMap((from, at) =>
    order.flatMap((to, other): Cut[] => {
      const distance = Math.abs(at - other);
      return distance === 0 || distance === 1 || distance === count - 1 ? [] : [[from, to]];
    }),
  );
}

function everyPair(names: readonly string[]): Cut[] {
  return names.flatMap((from) => names.flatMap((to): Cut[] => (from === to ? [] : [[from, to]])));
}

export const slow: Nemesis = {
  name: "slow",
  groups: ["links"],
  about: "links with delays of up to a second, or with little bandwidth; some of them or all",
  lastsMs: [1_000, 8_000],
  async strike({ cluster: { names, network }, random }) {
    const share = random.pick([0.3, 1]);
    const delayMs = random.pick([20, 100, 300, 1_000]);
    const bytesPerSecond = random.chance(0.4) ? random.pick([4_096, 32_768, 262_144]) : null;
    const pairs = everyPair(names).filter(() => random.chance(share));
    for (const [from, to] of pairs)
      network.setPeer(from, to, { delayMs: random.between(delayMs / 2, delayMs), bytesPerSecond });
    const bandwidth = bytesPerSecond === null ? "" : `, ${bytesPerSecond} bytes a second`;
    return {
      label: `${pairs.length} directions slower by ${delayMs} ms${bandwidth}`,
      end: () => network.heal({ dropHeld: false }),
    };
  },
};

export const flaky: Nemesis = {
  name: "flaky",
  groups: ["links"],
  about: "connections between nodes, and of clients, that break again and again",
  lastsMs: [1_000, 6_000],
  async strike({ cluster: { names, network }, random }) {
    const everyMs = random.between(50, 600);
    const timer = setInterval(() => breakOne(network, names, random), everyMs);
    return {
      label: `a connection breaks every ${everyMs} ms`,
      end: () => clearInterval(timer),
    };
  },
};

function breakOne(network: Network, names: readonly string[], random: Random): void {
  if (random.chance(0.4)) return network.dropClient(random.pick(names));
  const [one, other] = shuffled(names, random) as [string, string];
  network.dropPeer(one, other);
}
