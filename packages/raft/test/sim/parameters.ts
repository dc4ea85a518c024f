import type { LeaseSettings } from "../../dist/core/index.js";
import { drawDisk } from "./disk-faults.js";
import type { DiskFault, DiskParameters } from "./disk-faults.js";
import { FAULT_NAMES } from "./faults.js";
import type { Fault } from "./faults.js";
import { Random } from "./random.js";

/** What a person, or the shrinking, takes away from what a seed would do. `null`: as the seed says. */
export interface Overrides {
  readonly servers: number | null;
  readonly clients: number | null;
  /** Steps of the cores before the liveness phase. */
  readonly steps: number | null;
  /** How many actions of the operator happen at most. */
  readonly commands: number | null;
  /** How many actions of the nemesis happen at most. */
  readonly actions: number | null;
  readonly without: readonly (Fault | DiskFault)[];
  /** What stands under the cores: the model of a log, or the real one on simulated disks. */
  readonly log: "model" | "real";
}

export const NO_OVERRIDES: Overrides = {
  servers: null,
  clients: null,
  steps: null,
  commands: null,
  actions: null,
  without: [],
  log: "model",
};

export const ON_REAL_LOG: Overrides = { ...NO_OVERRIDES, log: "real" };

/** Everything that a run is drawn from its seed: which features and faults are on, and how strong. Times in microseconds. */
export interface Parameters {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  readonly keys: number;
  readonly steps: number;
  readonly actions: number;
  readonly commands: number;
  readonly tickMicros: number;
  readonly heartbeatTicks: number;
  readonly electionTimeoutTicks: number;
  readonly messageBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly uncommittedBytesMax: number;
  /** Size of a command's entry is drawn from [32, this). */
  readonly entryBytesMax: number;
  readonly networkMicros: number;
  readonly diskMicros: number;
  readonly applyMicros: number;
  /** A turn of the event loop takes up to this long; what arrives meanwhile is stepped together. */
  readonly turnMicros: number;
  readonly clientWaitMicros: number;
  readonly clientTimeoutMicros: number;
  /** Mean time between a server's checkpoints. */
  readonly checkpointMicros: number;
  readonly readShare: number;
  /** Share of the clients that use sessions, and so may try a write again. */
  readonly sessionShare: number;
  /** How often a client stays with a server that does not answer. */
  readonly loyalty: number;
  /** How often a process that died is started again at once. */
  readonly quickRestartShare: number;
  /** After a pause, the ticks that fell due come all together instead of one. */
  readonly tickBursts: boolean;
  /** Servers hear of dropped connections. */
  readonly dropNotices: boolean;
  /** Mean time between two actions of the nemesis. */
  readonly nemesisMicros: number;
  /** How long what the nemesis did lasts, on average. */
  readonly faultMicros: number;
  /** How leases are used at first; null: not at all. The operator may change it where `leaseChanges` says so. */
  readonly lease: LeaseSettings | null;
  readonly leaseChanges: boolean;
  /** Of the voters at the beginning. */
  readonly witnesses: number;
  readonly lowPriorityShare: number;
  readonly fastFailoverTicks: number;
  readonly promotionLagEntriesMax: number;
  /** Entries that stay in the log behind a checkpoint; null: nothing is ever compacted. */
  readonly compactionTailEntries: number | null;
  /** The group was restored from a backup of this index: its log begins behind it. 0: a new group. */
  readonly restoredIndex: number;
  /** Mean time between two commands of the operator; null: there is none. */
  readonly operatorMicros: number | null;
  /** The operator changes members, beside handing leadership over. */
  readonly memberChanges: boolean;
  /** Probability for faults of single messages and writes, weight for what the nemesis does. 0: off. */
  readonly faults: Readonly<Record<Fault, number>>;
  /** null: the log is a model. */
  readonly disk: DiskParameters | null;
}

const PROBABILITIES: Partial<Record<Fault, readonly [number, number]>> = {
  loss: [0.001, 0.25],
  duplicate: [0.001, 0.2],
  reorder: [0.01, 1],
  delay: [0.001, 0.05],
  replay: [0.0005, 0.02],
  syncFailure: [0.001, 0.02],
  clientLoss: [0.001, 0.1],
  drift: [0.01, 0.1],
  latePowerLoss: [0.5, 4],
};

export function drawParameters(seed: number, overrides: Overrides): Parameters {
  const random = new Random(seed, "parameters");
  const servers = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
  const heartbeatTicks = random.pick([1, 1, 2, 3, 5]);
  const tickMicros = random.pick([5_000, 10_000, 20_000]);
  const electionTimeoutTicks = heartbeatTicks * random.between(3, 10);
  const clients = random.chance(0.1) ? 16 : random.between(1, 8);
  const tiny = random.chance(0.4);
  const messageBytesMax = tiny ? random.pick([1, 64, 200]) : 1024 * 1024;
  const electionMicros = tickMicros * electionTimeoutTicks;
  // Elections work only where they take much longer than messages and writes do (§3.9).
  const hopMicros = Math.min(tickMicros, electionMicros / 12);
  // Whether all of it is calm: the paths of a healthy group have to work as well.
  const calm = random.chance(0.04);
  const faults = drawFaults(random, calm, overrides.without);
  return {
    seed,
    servers: overrides.servers ?? servers,
    clients: overrides.clients ?? clients,
    // More clients than that on one key, and its history cannot be judged in any time.
    keys: clients > 8 ? 8 : random.between(1, 5),
    steps: overrides.steps ?? random.between(4_000, 14_000),
    actions: overrides.actions ?? Infinity,
    commands: overrides.commands ?? Infinity,
    tickMicros,
    heartbeatTicks,
    electionTimeoutTicks,
    messageBytesMax,
    inflightMessagesMax: random.pick([1, 2, 4, 256]),
    inflightBytesMax: tiny ? messageBytesMax * random.between(1, 4) : 8 * 1024 * 1024,
    uncommittedBytesMax: random.pick([1, 300, 2_000, 256 * 1024 * 1024]),
    entryBytesMax: random.pick([33, 200, 1_000]),
    networkMicros: random.magnitude(100, hopMicros),
    diskMicros: random.magnitude(50, hopMicros),
    applyMicros: random.magnitude(10, tickMicros),
    turnMicros: random.pick([0, 0, 100, 1_000, hopMicros]),
    clientWaitMicros: random.magnitude(tickMicros / 10, tickMicros * 20),
    clientTimeoutMicros: electionMicros * random.between(1, 4),
    checkpointMicros: electionMicros * random.magnitude(0.3, 30),
    readShare: random.pick([0.2, 0.5, 0.8]),
    sessionShare: random.pick([0, 0.5, 1]),
    loyalty: random.pick([0, 0.5, 0.9]),
    quickRestartShare: random.pick([0, 0.5, 1]),
    tickBursts: random.chance(0.3),
    dropNotices: random.chance(0.5),
    ...drawFeatures(random, overrides.servers ?? servers, electionMicros, faults.drift),
    nemesisMicros: electionMicros * random.magnitude(0.3, 10),
    faultMicros: electionMicros * random.magnitude(0.3, 10),
    faults,
    disk: overrides.log === "real" ? drawDisk(seed, overrides.without) : null,
  };
}

type Features = Pick<
  Parameters,
  | "lease"
  | "leaseChanges"
  | "witnesses"
  | "lowPriorityShare"
  | "fastFailoverTicks"
  | "promotionLagEntriesMax"
  | "compactionTailEntries"
  | "restoredIndex"
  | "operatorMicros"
  | "memberChanges"
>;

function drawFeatures(random: Random, servers: number, electionMicros: number, drift: number): Features {
  // The smallest margin that covers clocks which differ by the drift in both directions, and sometimes more (R19).
  const margin = Math.max(1, Math.ceil((200 * drift) / (1 + drift))) + random.pick([0, 0, 10]);
  const lease = { electionTimeoutMicros: Math.ceil(electionMicros), marginPercent: margin };
  return {
    lease: random.chance(0.4) ? lease : null,
    leaseChanges: random.chance(0.2),
    witnesses: servers >= 3 && random.chance(0.4) ? random.between(1, Math.floor((servers - 1) / 2)) : 0,
    lowPriorityShare: random.pick([0, 0, 0, 0.3]),
    fastFailoverTicks: random.pick([0, 1, 3]),
    promotionLagEntriesMax: random.pick([0, 5, 1_000]),
    compactionTailEntries: random.pick([null, 0, 0, 3, 20]),
    restoredIndex: random.chance(0.1) ? random.between(1, 20) : 0,
    operatorMicros: random.chance(0.7) ? electionMicros * random.magnitude(0.5, 20) : null,
    memberChanges: random.chance(0.7),
  };
}

function drawFaults(random: Random, calm: boolean, without: readonly string[]): Record<Fault, number> {
  const faults = {} as Record<Fault, number>;
  for (const fault of FAULT_NAMES) {
    const [low, high] = PROBABILITIES[fault] ?? [0.2, 2];
    const isOn = random.chance(0.5);
    const strength = random.magnitude(low, high);
    faults[fault] = isOn && !calm && !without.includes(fault) ? strength : 0;
  }
  return faults;
}
