import { DEFAULT_RAFT_LIMITS, logIndex, serverId, term } from "../../../dist/core/index.js";
import type {
  Configuration,
  LogBase,
  Message,
  RaftOptions,
  Ready,
  ServerId,
} from "../../../dist/core/index.js";
import { Disk } from "./disk.js";
import type { Entry } from "./disk.js";
import { Server } from "./server.js";
import type { Envelope, Word } from "./server.js";

export const HEARTBEAT_TICKS = 2;
export const ELECTION_TICKS = 10;
/** Enough rounds of messages and writes for anything that ends at all. */
const ROUNDS_MAX = 10_000;

export function configurationOf(
  voters: readonly string[],
  more: Partial<Record<"outgoing" | "learners" | "witnesses", readonly string[]>> = {},
): Configuration {
  const ids = (names: readonly string[] = []): ServerId[] => names.map(serverId);
  return {
    voters: ids(voters),
    outgoing: ids(more.outgoing),
    learners: ids(more.learners),
    witnesses: ids(more.witnesses),
    autoLeave: true,
  };
}

export interface ClusterOptions {
  /** Servers that exist; those of the configuration when left out. */
  readonly servers?: readonly string[];
  readonly configuration?: Configuration;
  readonly options?: Partial<RaftOptions>;
  readonly optionsOf?: Readonly<Record<string, Partial<RaftOptions>>>;
  /** The terms of the entries that a server starts with; its current term is the last one, or `terms[id]`. */
  readonly logs?: Readonly<Record<string, readonly number[]>>;
  readonly terms?: Readonly<Record<string, number>>;
  readonly onReady?: (server: Server, ready: Ready<Word>) => void;
  /** Called before the message is delivered, or instead. */
  readonly onMessage?: (message: Message, fate: "delivered" | "lost") => void;
  readonly onPersisted?: (server: Server, writeSeq: number) => void;
}

/** Cores with a network, disks and a clock that move only when a test says so. Deterministic. */
export class Cluster {
  readonly servers = new Map<string, Server>();
  /** Sent and not delivered, oldest first. */
  network: Envelope[] = [];
  /** Servers that take the data of snapshots in only when they are told to. */
  readonly heldSnapshots = new Set<string>();
  /** Servers whose writes do not complete on their own. */
  readonly heldDisks = new Set<string>();
  readonly #cuts = new Set<string>();
  readonly #settings: ClusterOptions;
  /** Whatever any server applied at an index: all others must apply the same (state-machine safety, §3.6.3). */
  readonly #appliedAt = new Map<number, Entry>();
  readonly #leaderOf = new Map<number, ServerId>();
  #boots = 0;

  constructor(names: readonly string[], settings: ClusterOptions = {}) {
    this.#settings = settings;
    const configuration = settings.configuration ?? configurationOf(names);
    const base: LogBase = { index: logIndex(0), term: term(0), configuration };
    for (const name of settings.servers ?? names) {
      const terms = settings.logs?.[name] ?? [];
      const entries = terms.map((value, at): Entry => {
        const index = logIndex(at + 1);
        return {
          index,
          term: term(value),
          kind: "command",
          text: `${value}`,
          bytes: 40,
          configuration: null,
        };
      });
      const currentTerm = term(settings.terms?.[name] ?? terms.at(-1) ?? 0);
      this.#start(name, new Disk({ hardState: { currentTerm, votedFor: null }, base, entries }));
    }
  }

  get(name: string): Server {
    const server = this.servers.get(name);
    if (server === undefined) throw new RangeError(`there is no server ${name}`);
    return server;
  }

  /** The leader of the highest term, or null. */
  get leader(): Server | null {
    let leader: Server | null = null;
    for (const server of this.servers.values()) {
      if (!server.alive || server.status.role !== "leader") continue;
      if (leader === null || server.status.currentTerm > leader.status.currentTerm) leader = server;
    }
    return leader;
  }

  tick(name: string, count = 1): void {
    for (let done = 0; done < count && this.get(name).alive; done += 1) this.get(name).step({ kind: "tick" });
  }

  /** Lets a server's election timer fire, whatever its random timeout is. */
  timeout(name: string): void {
    const server = this.get(name);
    for (let ticks = 0; ticks < 20 * ELECTION_TICKS; ticks += 1) {
      const { role } = server.status;
      const sent = this.network.length;
      server.step({ kind: "tick" });
      if (server.status.role !== role || this.#asked(name, sent)) return;
    }
    throw new Error(`the election timer of ${name} does not fire`);
  }

  #asked(name: string, since: number): boolean {
    return this.network
      .slice(since)
      .some(({ message }) => message.kind === "preVoteRequest" && message.from === serverId(name));
  }

  /** Heartbeats of a leader and their answers, and nothing else, for `count` intervals. */
  heartbeats(name: string, count: number): void {
    for (let done = 0; done < count * HEARTBEAT_TICKS; done += 1) {
      this.tick(name);
      while (this.deliver(({ kind, from }) => kind === "heartbeatRequest" && from === serverId(name)));
      while (this.deliver(({ kind, to }) => kind === "heartbeatResponse" && to === serverId(name)));
    }
  }

  /** One tick of every server, then everything that follows from it. */
  round(count = 1): void {
    for (let done = 0; done < count; done += 1) {
      for (const name of this.servers.keys()) this.tick(name);
      this.settle();
    }
  }

  /** Ticks and settles until `condition` holds. */
  until(what: string, condition: () => boolean, ticksMax = 40 * ELECTION_TICKS): void {
    for (let ticks = 0; ticks < ticksMax; ticks += 1) {
      if (condition()) return;
      this.round();
    }
    if (!condition()) throw new Error(`not within ${ticksMax} ticks: ${what}`);
  }

  /** Makes `name` the leader, by its own timer. */
  elect(name: string): Server {
    this.timeout(name);
    this.settle();
    if (this.get(name).status.role !== "leader") throw new Error(`${name} did not win`);
    this.round(HEARTBEAT_TICKS);
    return this.get(name);
  }

  /** Lets the time pass in which servers keep promises that they may have made before they started (R8). */
  outwaitPromises(): void {
    for (const server of this.servers.values()) {
      server.step({ kind: "tick" });
      server.nowMicros = Math.max(server.nowMicros, server.status.promisedUntilMicros);
    }
  }

  propose(name: string, ...texts: readonly string[]): void {
    const proposals = texts.map((text): Word => ({ text, bytes: 32 + text.length }));
    this.get(name).step({ kind: "propose", proposals });
  }

  /** Delivers the oldest message (of those that `pick` wants); false when there is none. */
  deliver(pick: (message: Message) => boolean = () => true): boolean {
    const at = this.network.findIndex(({ message }) => pick(message));
    if (at === -1) return false;
    const [envelope] = this.network.splice(at, 1);
    if (envelope === undefined) return false;
    const { message } = envelope;
    const to = this.servers.get(message.to);
    if (to === undefined || !to.alive || this.#cuts.has(`${message.from}>${message.to}`)) this.#lost(message);
    else {
      this.#settings.onMessage?.(message, "delivered");
      to.receive(envelope);
      this.#delivered(message);
    }
    return true;
  }

  /** The data of a snapshot has arrived: the receiver installs it, the sender hears of it. */
  finishSnapshot(name: string): void {
    const server = this.get(name);
    const message = server.incoming?.message;
    if (message === undefined) return;
    server.finishSnapshot();
    this.#report(message, true);
  }

  /** It is taken in at once, or when the test says so; what is not wanted is done with. */
  #delivered(message: Message): void {
    if (message.kind !== "installSnapshot" || !message.withData) return;
    if (this.get(message.to).incoming?.message !== message) this.#report(message, true);
    else if (!this.heldSnapshots.has(message.to)) this.finishSnapshot(message.to);
  }

  #lost(message: Message): void {
    this.#settings.onMessage?.(message, "lost");
    if (message.kind === "installSnapshot" && message.withData) this.#report(message, false);
  }

  #report(message: Message, ok: boolean): void {
    const sender = this.servers.get(message.from);
    if (sender?.alive === true) sender.step({ kind: "snapshotReported", peer: message.to, ok });
  }

  /** Messages in flight that `pick` wants are lost. */
  drop(pick: (message: Message) => boolean): number {
    const lost = this.network.filter(({ message }) => pick(message));
    this.network = this.network.filter(({ message }) => !pick(message));
    for (const { message } of lost) this.#lost(message);
    return lost.length;
  }

  /** Delivers and persists until nothing moves; held disks stay as they are. */
  settle(): void {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      let moved = false;
      for (let left = this.network.length; left > 0; left -= 1) moved = this.deliver() || moved;
      for (const [name, server] of this.servers) {
        if (server.pending.length === 0 || this.heldDisks.has(name)) continue;
        server.persist(server.pending.length);
        moved = true;
      }
      if (!moved) return;
    }
    throw new Error("the cluster does not come to rest");
  }

  /** Messages from `from` to `to` are lost from now on. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  isolate(name: string): void {
    for (const other of this.servers.keys()) {
      this.cut(name, other);
      this.cut(other, name);
    }
  }

  /** Two sides that do not reach each other. */
  partition(left: readonly string[], right: readonly string[]): void {
    for (const one of left) {
      for (const other of right) {
        this.cut(one, other);
        this.cut(other, one);
      }
    }
  }

  mend(from?: string, to?: string): void {
    if (from === undefined || to === undefined) this.#cuts.clear();
    else this.#cuts.delete(`${from}>${to}`);
  }

  crash(name: string): void {
    const incoming = this.get(name).incoming?.message;
    this.get(name).crash();
    if (incoming !== undefined) this.#report(incoming, false);
  }

  restart(name: string): Server {
    return this.#start(name, this.get(name).disk);
  }

  #start(name: string, disk: Disk): Server {
    this.#boots += 1;
    const options: RaftOptions = {
      ...DEFAULT_RAFT_LIMITS,
      id: serverId(name),
      seed: name.charCodeAt(0),
      bootEpoch: this.#boots,
      heartbeatTicks: HEARTBEAT_TICKS,
      electionTimeoutTicks: ELECTION_TICKS,
      ...this.#settings.options,
      ...this.#settings.optionsOf?.[name],
    };
    const server = new Server(options, disk, {
      send: (envelope) => this.network.push(envelope),
      apply: (_, entry) => this.#applied(entry),
      ready: (from, ready) => this.#ready(from, ready),
      persisted: (from, writeSeq) => this.#settings.onPersisted?.(from, writeSeq),
    });
    this.servers.set(name, server);
    return server;
  }

  #applied(entry: Entry): void {
    const known = this.#appliedAt.get(entry.index);
    if (known === undefined) this.#appliedAt.set(entry.index, entry);
    else if (known.term !== entry.term || known.text !== entry.text) {
      throw new Error(
        `state-machine safety: entry ${entry.index} is "${known.text}" of term ${known.term} and "${entry.text}" of term ${entry.term}`,
      );
    }
  }

  #ready(server: Server, ready: Ready<Word>): void {
    if (ready.softState?.role === "leader") {
      const known = this.#leaderOf.get(ready.softState.currentTerm) ?? server.id;
      if (known !== server.id)
        throw new Error(`election safety: two leaders in term ${ready.softState.currentTerm}`);
      this.#leaderOf.set(ready.softState.currentTerm, server.id);
    }
    this.#settings.onReady?.(server, ready);
  }
}
