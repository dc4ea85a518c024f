import type { Configuration, ServerId } from "../../dist/core/index.js";
import type { Cluster } from "./cluster.js";
import { SimulationFailure } from "./failure.js";
import type { Random } from "./random.js";
import type { SimServer } from "./server.js";

/** In the longest that one campaign waits. */
const PATIENCE = 40;

/** What becomes of the servers that are not healed. */
const FATES = ["down", "isolated", "mute", "deaf"] as const;

/**
 * Heals a random majority, leaves the others broken for good, and waits for a leader, a write, a read and for equal
 * logs and states. Returns how many election timeouts that took.
 */
export async function demandProgress(cluster: Cluster): Promise<number> {
  const { context, network } = cluster;
  const { parameters } = context;
  const random = context.random("liveness");
  context.healed = true;
  network.heal();
  // The majority is chosen by the configurations that there are; no other comes up behind its back.
  for (const server of cluster.present()) server.forgetCommands();
  const healed = chooseHealed(cluster, random);
  for (const server of cluster.present()) {
    if (healed.includes(server)) revive(server);
    else breakForGood(cluster, server, healed, random.pick(FATES));
  }
  const begin = context.now;
  const electionMicros = parameters.electionTimeoutTicks * parameters.tickMicros;
  // Who is of low priority waits longer; slow disks and networks lengthen everything.
  const handicap = Math.max(...healed.map(({ isWitness, priority }) => 10 - priority + (isWitness ? 1 : 0)));
  const roundMicros =
    (2 + handicap) * electionMicros +
    20 * (parameters.networkMicros + parameters.diskMicros + parameters.applyMicros + parameters.turnMicros);
  const deadline = begin + PATIENCE * roundMicros;
  const prober = new Prober(cluster);
  prober.begin();
  while (!prober.isDone || !hasConverged(cluster, healed)) {
    if (context.now > deadline) throw stalled(cluster, healed, prober);
    // Under load a follower may always be a little behind; equal is equal only once nobody asks for more.
    // And a window of a single entry may never get to the bottom of what impatient clients pour in.
    if (prober.isDone || context.now > (begin + deadline) / 2) context.quiet = true;
    context.runNext();
    if (context.isUnsettled) await context.settle();
  }
  return (context.now - begin) / electionMicros;
}

/** A majority of every configuration that is in force anywhere, with somebody in it who has data. */
function chooseHealed(cluster: Cluster, random: Random): SimServer[] {
  const order = random.shuffled(cluster.present());
  const chosen = new Set<SimServer>();
  for (const configuration of cluster.configurations()) {
    for (const half of [configuration.voters, configuration.outgoing]) {
      chooseMajority(order, half, configuration, chosen);
    }
  }
  for (const server of order) if (random.chance(0.4)) chosen.add(server);
  return [...chosen];
}

function chooseMajority(
  order: readonly SimServer[],
  voters: readonly ServerId[],
  { witnesses }: Configuration,
  chosen: Set<SimServer>,
): void {
  const inHalf = order.filter(({ id }) => voters.includes(id));
  const needed = voters.length === 0 ? 0 : Math.floor(voters.length / 2) + 1;
  // Those that other halves have chosen already count here too.
  inHalf.sort((a, b) => Number(chosen.has(b)) - Number(chosen.has(a)));
  const majority = inHalf.slice(0, needed);
  const withData = inHalf.find(({ id }) => !witnesses.includes(id));
  if (withData !== undefined && majority.every(({ id }) => witnesses.includes(id))) majority.push(withData);
  for (const server of majority) chosen.add(server);
}

function revive(server: SimServer): void {
  server.log.slowness = 1;
  if (server.life === "down") server.start();
  server.resume();
}

function breakForGood(
  cluster: Cluster,
  server: SimServer,
  healed: readonly SimServer[],
  fate: (typeof FATES)[number],
): void {
  const { network } = cluster;
  if (fate === "down") {
    cluster.crash(server, "kill");
    return;
  }
  revive(server);
  for (const other of healed) {
    if (fate !== "deaf") network.cut(server.number, other.number);
    if (fate !== "mute") network.cut(other.number, server.number);
  }
}

/** Writes, then reads, until both were answered. */
class Prober {
  hasWritten = false;
  hasRead = false;
  readonly #client: ReturnType<Cluster["addClient"]>;

  constructor(cluster: Cluster) {
    this.#client = cluster.addClient({ isPatient: true });
  }

  get isDone(): boolean {
    return this.hasWritten && this.hasRead;
  }

  begin(): void {
    this.#client.write((isAnswered) => {
      if (!isAnswered) return this.begin();
      this.hasWritten = true;
      return this.#read();
    });
  }

  #read(): void {
    this.#client.read((isAnswered) => {
      if (isAnswered) this.hasRead = true;
      else this.#read();
    });
  }
}

/** Every healed member of the configuration in force has what its leader has, applied. */
function hasConverged(cluster: Cluster, healed: readonly SimServer[]): boolean {
  const leader = cluster.leader();
  if (leader === null || leader.status === null || !healed.includes(leader)) return false;
  const { configuration, currentTerm, lastIndex } = leader.status;
  // A joint configuration that is to leave on its own has left (§4.3).
  if (configuration.outgoing.length > 0 && configuration.autoLeave) return false;
  const members = [...configuration.voters, ...configuration.outgoing, ...configuration.learners];
  return healed.every(
    ({ id, status, machine }) =>
      !members.includes(id) ||
      (status !== null &&
        status.currentTerm === currentTerm &&
        status.leader === leader.id &&
        status.lastIndex === lastIndex &&
        machine.appliedIndex === lastIndex),
  );
}

function stalled(cluster: Cluster, healed: readonly SimServer[], prober: Prober): SimulationFailure {
  const leader = cluster.leader();
  const wanted =
    leader === null ? "leader" : !prober.hasWritten ? "write" : !prober.hasRead ? "read" : "convergence";
  const states = healed.map(({ id, status, machine, life, isWitness }) =>
    status === null
      ? `${id} ${life}`
      : `${id}${isWitness ? " (witness)" : ""} ${status.role} term ${status.currentTerm} base ${status.base.index} ` +
        `last ${status.lastIndex} commit ${status.commitIndex} applied ${machine.appliedIndex}`,
  );
  const members = leader?.status?.configuration;
  return new SimulationFailure(
    `stalled: no ${wanted} although a majority is healed`,
    `${states.join("; ")}; the leader's members: ${JSON.stringify(members)}`,
  );
}
