import type { Cluster } from "./cluster.js";
import { SimulationFailure } from "./failure.js";
import type { SimServer } from "./server.js";

/** In units of twice the shortest election timeout, the longest that one campaign waits. */
const PATIENCE = 60;

/** What becomes of the servers that are not healed. */
const FATES = ["down", "isolated", "mute", "deaf"] as const;

/**
 * Heals a random majority, leaves the others broken for good, and waits for a leader, a write, a read and for equal
 * logs and states. Returns how many election timeouts that took.
 */
export function demandProgress(cluster: Cluster): number {
  const { context, network } = cluster;
  const { parameters } = context;
  const random = context.random("liveness");
  context.healed = true;
  network.heal();
  const servers = random.shuffled([...cluster.servers.values()]);
  const healed = servers.slice(0, Math.floor(servers.length / 2) + 1 + random.below(Math.ceil(servers.length / 2)));
  for (const server of servers) {
    if (healed.includes(server)) revive(server);
    else breakForGood(cluster, server, healed, random.pick(FATES));
  }
  const begin = context.now;
  const electionMicros = parameters.electionTimeoutTicks * parameters.tickMicros;
  // Slow disks and networks lengthen everything; the bound is on what elections cost beyond that.
  const roundMicros = 2 * electionMicros + 20 * (parameters.networkMicros + parameters.diskMicros + parameters.turnMicros);
  const deadline = begin + PATIENCE * roundMicros;
  const prober = new Prober(cluster);
  prober.begin();
  while (!prober.isDone || !hasConverged(cluster, healed)) {
    if (context.now > deadline) throw stalled(cluster, healed, prober);
    // Under load a follower may always be a little behind; equal is equal only once nobody asks for more.
    if (prober.isDone) context.quiet = true;
    context.runNext();
  }
  return (context.now - begin) / electionMicros;
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
    this.#client = cluster.addClient();
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

function hasConverged(cluster: Cluster, healed: readonly SimServer[]): boolean {
  const leader = cluster.leader();
  if (leader?.status === null || leader === null || !healed.includes(leader)) return false;
  const { currentTerm, lastIndex } = leader.status;
  return healed.every(
    ({ status, machine }) =>
      status !== null &&
      status.currentTerm === currentTerm &&
      status.leader === leader.id &&
      status.lastIndex === lastIndex &&
      machine.appliedIndex === lastIndex,
  );
}

function stalled(cluster: Cluster, healed: readonly SimServer[], prober: Prober): SimulationFailure {
  const leader = cluster.leader();
  const wanted = leader === null ? "a leader" : !prober.hasWritten ? "a write" : !prober.hasRead ? "a read" : "convergence";
  const states = healed.map(({ id, status, machine }) =>
    status === null
      ? `${id} down`
      : `${id} ${status.role} term ${status.currentTerm} last ${status.lastIndex} commit ${status.commitIndex} applied ${machine.appliedIndex}`,
  );
  return new SimulationFailure(
    `stalled: no ${wanted.replace(/^an? /, "")} although a majority is healed`,
    states.join("; "),
  );
}
