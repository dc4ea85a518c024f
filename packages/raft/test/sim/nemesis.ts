import type { Cluster } from "./cluster.js";
import type { Context } from "./context.js";
import type { Fault } from "./faults.js";
import type { Random } from "./random.js";
import type { SimServer } from "./server.js";

type Act = (nemesis: Nemesis) => void;

/** What the nemesis can do, beside the faults of single messages and writes. */
const ACTS: Partial<Record<Fault, Act>> = {
  oneWayCut: (nemesis) => nemesis.oneWayCut(),
  halves: (nemesis) => nemesis.halves(),
  isolateLeader: (nemesis) => nemesis.isolateLeader(),
  ring: (nemesis) => nemesis.ring(),
  bridge: (nemesis) => nemesis.bridge(),
  slowLink: (nemesis) => nemesis.slowLink(),
  wrongDropNotice: (nemesis) => nemesis.wrongDropNotice(),
  wrongLossNotice: (nemesis) => nemesis.wrongLossNotice(),
  kill: (nemesis) => nemesis.crashOne("kill"),
  powerLoss: (nemesis) => nemesis.crashOne("powerLoss"),
  powerLossAll: (nemesis) => nemesis.powerLossAll(),
  latePowerLoss: (nemesis) => nemesis.latePowerLoss(),
  pause: (nemesis) => nemesis.pause(),
  isolatedPause: (nemesis) => nemesis.isolatedPause(),
  slowDisk: (nemesis) => nemesis.slowDisk(),
};
const ACT_NAMES = Object.keys(ACTS) as readonly Fault[];

/** Does harm on a schedule of its own, and takes it back after a while. */
export class Nemesis {
  readonly #cluster: Cluster;
  readonly #context: Context;
  readonly #random: Random;
  readonly #weights: readonly (readonly [Fault, number])[];
  #actions = 0;
  /** Partitions replace each other; an older one's end must not end the newer. */
  #partition = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#context = cluster.context;
    this.#random = cluster.context.random("nemesis");
    const { faults } = cluster.context.parameters;
    this.#weights = ACT_NAMES.filter((name) => faults[name] > 0).map((name) => [name, faults[name]] as const);
  }

  run(): void {
    const { parameters } = this.#context;
    if (this.#weights.length === 0) return;
    this.#context.after(this.#random.wait(parameters.nemesisMicros), () => {
      if (this.#context.healed || this.#actions >= parameters.actions) return;
      this.#actions += 1;
      const fault = this.#pick();
      ACTS[fault]?.(this);
      this.run();
    });
  }

  oneWayCut(): void {
    const { network } = this.#cluster;
    const [from, to] = this.#two();
    if (from === undefined || to === undefined) return;
    this.#context.count("oneWayCut");
    network.cut(from.number, to.number);
    this.#later(() => network.join(from.number, to.number));
  }

  halves(): void {
    const servers = this.#random.shuffled(this.#servers());
    if (servers.length < 2) return;
    this.#context.count("halves");
    const cut = this.#random.between(1, servers.length - 1);
    this.#partitioned((from, to) => servers.indexOf(from) < cut === servers.indexOf(to) < cut);
  }

  isolateLeader(): void {
    const leader = this.#cluster.leader();
    if (leader === null || this.#servers().length < 2) return;
    this.#context.count("isolateLeader");
    this.#partitioned((from, to) => from !== leader && to !== leader);
  }

  ring(): void {
    const servers = this.#random.shuffled(this.#servers());
    if (servers.length < 4) return;
    this.#context.count("ring");
    this.#partitioned((from, to) => {
      const distance = Math.abs(servers.indexOf(from) - servers.indexOf(to));
      return distance === 1 || distance === servers.length - 1;
    });
  }

  bridge(): void {
    const servers = this.#random.shuffled(this.#servers());
    if (servers.length < 3) return;
    this.#context.count("bridge");
    const half = Math.ceil(servers.length / 2);
    this.#partitioned((from, to) => {
      const [a, b] = [servers.indexOf(from), servers.indexOf(to)];
      return a === 0 || b === 0 || a < half === b < half;
    });
  }

  slowLink(): void {
    const { network } = this.#cluster;
    const [from, to] = this.#two();
    if (from === undefined || to === undefined) return;
    this.#context.count("slowLink");
    network.slow(from.number, to.number, this.#random.magnitude(10, 100));
    this.#later(() => network.unslow(from.number, to.number));
  }

  wrongDropNotice(): void {
    const [told, about] = this.#two();
    if (told === undefined || about === undefined) return;
    this.#context.count("wrongDropNotice");
    told.arrive({ kind: "connectionLost", peer: about.id });
  }

  wrongLossNotice(): void {
    const [told, about] = this.#two();
    if (told === undefined || about === undefined) return;
    this.#context.count("wrongLossNotice");
    told.arrive({ kind: "unreachable", peer: about.id });
  }

  crashOne(kind: "kill" | "powerLoss"): void {
    // The leader half of the time: there most is under way.
    const leader = this.#cluster.leader();
    const server = leader !== null && this.#random.chance(0.5) ? leader : this.#random.pick(this.#servers());
    if (server.life === "down") return;
    this.#context.count(kind);
    this.#cluster.crash(server, kind);
  }

  powerLossAll(): void {
    this.#context.count("powerLossAll");
    for (const server of this.#servers()) this.#cluster.crash(server, "powerLoss");
  }

  latePowerLoss(): void {
    // Most of the time nothing is on its way to a disk; wherever something is, is the place.
    const busy = this.#servers().filter(({ log }) => log.hasUnsynced);
    for (const server of busy) {
      if (server.life === "up") this.#cluster.crash(server, "kill");
      if (server.log.hasUnsynced) this.#losePowerLater(server);
    }
  }

  #losePowerLater(server: SimServer): void {
    const { bootEpoch } = server;
    // While it is down, or while the next process opens the log and syncs what it found.
    const delay = this.#random.wait(this.#context.parameters.faultMicros / 20);
    this.#context.after(delay, () => {
      if (this.#context.healed || server.life === "up" || server.bootEpoch > bootEpoch + 1) return;
      if (!server.log.hasUnsynced) return;
      this.#context.count("latePowerLoss");
      if (server.life === "opening") this.#cluster.crash(server, "powerLoss");
      else server.log.crash("powerLoss");
    });
  }

  pause(): void {
    const server = this.#random.pick(this.#servers());
    if (server.life !== "up" || server.isPaused) return;
    this.#context.count("pause");
    server.pause();
    this.#later(() => server.resume());
  }

  /** What a lease has to survive: nobody tells the leader that time went on without it (R19). */
  isolatedPause(): void {
    const { electionTimeoutTicks, tickMicros } = this.#context.parameters;
    const leader = this.#cluster.leader();
    if (leader === null || leader.isPaused || this.#servers().length < 2) return;
    this.#context.count("isolatedPause");
    this.#partitioned((from, to) => from !== leader && to !== leader);
    const { bootEpoch } = leader;
    const partition = this.#partition;
    const pause = electionTimeoutTicks * tickMicros * (0.5 + 2 * this.#random.fraction());
    leader.pause();
    this.#context.after(pause, () => {
      if (this.#context.healed) return;
      if (leader.bootEpoch === bootEpoch) leader.resume();
      this.#context.after(this.#random.below(electionTimeoutTicks * tickMicros), () => {
        if (!this.#context.healed && partition === this.#partition) this.#cluster.network.joinAll();
      });
    });
  }

  slowDisk(): void {
    const server = this.#random.pick(this.#servers());
    this.#context.count("slowDisk");
    server.log.slowness = this.#random.magnitude(10, 100);
    this.#later(() => {
      server.log.slowness = 1;
    });
  }

  #partitioned(mayTalk: (from: SimServer, to: SimServer) => boolean): void {
    const { network } = this.#cluster;
    this.#context.count("partitions");
    network.joinAll();
    for (const from of this.#servers()) {
      for (const to of this.#servers())
        if (from !== to && !mayTalk(from, to)) network.cut(from.number, to.number);
    }
    this.#partition += 1;
    const partition = this.#partition;
    this.#later(() => {
      if (partition === this.#partition) network.joinAll();
    });
  }

  /** Takes the harm back after a while, or leaves it to the end of all harm. */
  #later(undo: () => void): void {
    this.#context.after(this.#random.wait(this.#context.parameters.faultMicros), () => {
      if (!this.#context.healed) undo();
    });
  }

  #servers(): SimServer[] {
    return [...this.#cluster.servers.values()].filter(({ life }) => life !== "gone");
  }

  #two(): SimServer[] {
    return this.#random.shuffled(this.#servers()).slice(0, 2);
  }

  #pick(): Fault {
    let total = 0;
    for (const [, weight] of this.#weights) total += weight;
    let left = this.#random.fraction() * total;
    for (const [name, weight] of this.#weights) {
      left -= weight;
      if (left <= 0) return name;
    }
    return this.#random.pick(this.#weights)[0];
  }
}
