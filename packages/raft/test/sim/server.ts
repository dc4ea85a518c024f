import type {
  ConfigurationAt,
  Message,
  Raft,
  RaftEvent,
  RaftStatus,
  Ready,
  ServerId,
  TermRun,
} from "../../dist/core/index.js";
import type { Observer } from "./checks/observed.js";
import type { Context } from "./context.js";
import type { CoreModule } from "./core.js";
import type { LogWrite, Recovered } from "./durable-log.js";
import { chainOf, EntryLog, nameServer } from "./entry.js";
import type { Command, SimEntry } from "./entry.js";
import { SimulationFailure } from "./failure.js";
import { Machine } from "./machine.js";
import { ModelLog } from "./model-log.js";
import type { Packet } from "./network.js";
import type { Random } from "./random.js";
import { Requests } from "./requests.js";
import type { Request } from "./requests.js";

interface Arrived {
  readonly event: RaftEvent<Command>;
  readonly entries: readonly SimEntry[];
}

export type Life = "down" | "opening" | "up";

const NO_ENTRIES: readonly SimEntry[] = [];

/**
 * One process with its disk: the shell around a core, as its contract wants it. What arrives during one turn of its
 * event loop is stepped together, then one Ready is taken.
 */
export class SimServer {
  readonly number: number;
  readonly id: ServerId;
  readonly log: ModelLog;
  life: Life = "down";
  isPaused = false;
  /** What a restart comes back to: the state machine at D, never ahead of the durable log (S2). */
  checkpoint = new Machine(null);
  machine = new Machine(null);
  memory = EntryLog.empty();
  core: Raft<Command> | null = null;
  status: RaftStatus | null = null;
  bootEpoch = 0;

  readonly #context: Context;
  readonly #module: CoreModule;
  readonly #observer: Observer;
  readonly #random: Random;
  readonly #send: (packet: Packet) => void;
  readonly #restart: () => void;
  readonly #configuration: ConfigurationAt["configuration"];
  /** This clock's rate against true time. */
  readonly #rate: number;
  #requests: Requests;
  #inbox: Arrived[] = [];
  #isTurnDue = false;
  #missedTicks = 0;
  /** Bodies that were proposed or received and stand in no write yet, by index and term. */
  readonly #staged = new Map<string, Omit<SimEntry, "prevChain" | "chain"> & { prevChain: number | null }>();
  #applying: (readonly SimEntry[])[] = [];

  constructor(
    number: number,
    shared: {
      readonly context: Context;
      readonly module: CoreModule;
      readonly observer: Observer;
      readonly configuration: ConfigurationAt["configuration"];
      readonly send: (packet: Packet) => void;
      /** The process died by itself; somebody is to start it again. */
      readonly restart: (server: SimServer) => void;
    },
  ) {
    const { context } = shared;
    this.number = number;
    this.id = nameServer(number);
    this.#context = context;
    this.#module = shared.module;
    this.#observer = shared.observer;
    this.#configuration = shared.configuration;
    this.#send = shared.send;
    this.#restart = () => shared.restart(this);
    this.#random = context.random(`server ${number}`);
    this.#requests = new Requests(context);
    const drift = context.parameters.faults.drift;
    this.#rate = 1 + (this.#random.fraction() * 2 - 1) * Math.min(drift, 0.1);
    if (drift > 0) context.count("drift");
    this.log = new ModelLog(context, this.id, (durable, write) => this.#observer.folding(this, durable, write));
  }

  get durable(): Recovered {
    return this.log.durable;
  }

  /** Starts the process: it opens its log, and then runs. */
  start(): void {
    this.life = "opening";
    this.bootEpoch += 1;
    const { bootEpoch } = this;
    this.log.open({
      opened: (recovered) => this.#opened(recovered),
      completed: (writes) => this.#completed(writes),
      failed: () => this.#die("kill"),
    });
    this.#checkpointLater(bootEpoch);
  }

  /** The end of the process, at any moment. */
  crash(kind: "kill" | "powerLoss"): void {
    this.log.crash(kind);
    this.bootEpoch += 1;
    this.life = "down";
    this.isPaused = false;
    this.#missedTicks = 0;
    this.core = null;
    this.status = null;
    this.#inbox = [];
    this.#isTurnDue = false;
    this.#staged.clear();
    this.#applying = [];
    this.#requests = new Requests(this.#context);
    this.#observer.crashed(this);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    // Timers that fell due while a process stood still fire once, or one after the other.
    const ticks = this.#context.parameters.tickBursts ? this.#missedTicks : Math.min(1, this.#missedTicks);
    for (let tick = 0; tick < ticks; tick += 1) this.#inbox.unshift({ event: { kind: "tick" }, entries: NO_ENTRIES });
    this.#missedTicks = 0;
    this.#scheduleTurn();
  }

  receive(packet: Packet): void {
    this.#arrive({ kind: "receive", message: packet.message }, packet.entries);
  }

  connectionDropped(peer: ServerId): void {
    this.#arrive({ kind: "unreachable", peer }, NO_ENTRIES);
  }

  request(request: Request): void {
    if (this.core === null) return;
    const event = this.#requests.take(request, this.#observer.committedIndex);
    this.#arrive(event, NO_ENTRIES);
  }

  #opened(recovered: Recovered): void {
    const { parameters } = this.#context;
    this.life = "up";
    this.memory = recovered.entries;
    this.machine = new Machine(this.checkpoint);
    this.core = new this.#module.Raft<Command>(
      {
        id: this.id,
        seed: this.#random.below(2 ** 31),
        bootEpoch: this.bootEpoch,
        heartbeatTicks: parameters.heartbeatTicks,
        electionTimeoutTicks: parameters.electionTimeoutTicks,
        messageBytesMax: parameters.messageBytesMax,
        inflightMessagesMax: parameters.inflightMessagesMax,
        inflightBytesMax: parameters.inflightBytesMax,
        uncommittedBytesMax: parameters.uncommittedBytesMax,
      },
      {
        hardState: recovered.hardState,
        base: { index: 0 as never, term: 0 as never, configuration: this.#configuration },
        entries: recovered.entries.shapes(),
        appliedIndex: this.machine.appliedIndex as never,
      },
    );
    this.status = this.core.status();
    this.#module.checkInvariants(this.status, null);
    this.#observer.started(this, this.status, recovered);
    this.#tickLater(this.bootEpoch, this.#random.fraction());
  }

  #tickLater(bootEpoch: number, share: number): void {
    this.#context.after((this.#context.parameters.tickMicros * share) / this.#rate, () => {
      if (bootEpoch !== this.bootEpoch) return;
      if (this.isPaused) this.#missedTicks += 1;
      else this.#arrive({ kind: "tick" }, NO_ENTRIES);
      this.#tickLater(bootEpoch, 1);
    });
  }

  #arrive(event: RaftEvent<Command>, entries: readonly SimEntry[]): void {
    if (this.core === null) return;
    this.#inbox.push({ event, entries });
    if (!this.isPaused) this.#scheduleTurn();
  }

  #scheduleTurn(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const { bootEpoch } = this;
    this.#context.after(this.#random.fraction() * this.#context.parameters.turnMicros, () => {
      if (bootEpoch !== this.bootEpoch) return;
      this.#isTurnDue = false;
      if (!this.isPaused) this.#turn();
    });
  }

  #turn(): void {
    const { core, status } = this;
    if (core === null || status === null) return;
    const arrived = this.#inbox;
    this.#inbox = [];
    this.#observer.turnBegins(this, status);
    for (const { event, entries } of arrived) {
      for (const entry of entries) this.#staged.set(`${entry.index}/${entry.term}`, entry);
      this.#step(core, event);
    }
    const ready = core.ready();
    if (ready !== null) this.#carryOut(ready);
    this.#staged.clear();
    this.#observer.turnEnded(this, ready);
    this.#answerReads();
  }

  #step(core: Raft<Command>, event: RaftEvent<Command>): void {
    const before = this.status as RaftStatus;
    core.step(event);
    const after = core.status();
    this.status = after;
    this.#module.checkInvariants(after, before);
    this.#observer.stepped(this, event, before, after);
  }

  #carryOut(ready: Ready<Command>): void {
    for (const appended of ready.appended) {
      const count = Math.max(1, appended.proposals.length);
      for (let at = 0; at < count; at += 1) {
        const command = appended.proposals[at] ?? null;
        const index = (appended.firstIndex + at) as SimEntry["index"];
        const { term, kind } = appended;
        const bytes = command?.bytes ?? 32;
        const entry = { index, term, kind, bytes, command, configuration: null, prevChain: null };
        this.#staged.set(`${index}/${term}`, entry);
        if (command !== null) this.#requests.appended(command, index, term);
      }
    }
    const entries = ready.write === null ? NO_ENTRIES : this.#place(ready.write.entries);
    this.#observer.readied(this, ready);
    // In any order, and the end may come in between.
    const writeFirst = this.#random.chance(0.5);
    const { write } = ready;
    if (writeFirst && write !== null) this.#write(write, entries);
    for (const message of ready.sendNow) this.#post(message);
    if (this.#random.chance(0.002) && this.#context.faultNow("kill") > 0) {
      this.#context.count("kill");
      this.#die("kill");
      return;
    }
    if (!writeFirst && write !== null) this.#write(write, entries);
    if (ready.apply !== null) this.#applyLater(this.memory.slice(ready.apply.from, ready.apply.to));
    for (const grant of ready.reads) this.#requests.granted(grant.readId, grant.index);
    for (const rejection of ready.rejected) {
      this.#observer.rejected(this, rejection);
      if (rejection.kind === "proposal") this.#requests.proposalRejected(rejection.proposal, rejection.leader);
      else this.#requests.readRejected(rejection.readId, rejection.leader);
    }
  }

  /** Finds the bodies of what the core wants written, and puts them into memory. */
  #place(runs: readonly TermRun[]): readonly SimEntry[] {
    const placed: SimEntry[] = [];
    const [first] = runs;
    if (first === undefined) return placed;
    let chain = this.memory.chainAt(first.from - 1) ?? -1;
    for (const run of runs) {
      for (let index = run.from as number; index < run.to; index += 1) {
        const own = this.memory.at(index);
        const body = this.#staged.get(`${index}/${run.term}`) ?? (own?.term === run.term ? own : undefined);
        if (body === undefined) {
          throw new SimulationFailure(
            "a write names only entries that were proposed or received",
            `${this.id} writes entry ${index} of term ${run.term}`,
          );
        }
        if (body.prevChain !== null && body.prevChain !== chain) {
          throw new SimulationFailure(
            "two logs with an entry of one index and term agree up to there (log matching, §3.6.3)",
            `${this.id} puts entry ${index} of term ${run.term} behind other entries`,
          );
        }
        const entry =
          body.prevChain !== null
            ? (body as SimEntry)
            : { ...body, prevChain: chain, chain: chainOf(chain, index, run.term, body.command, body.kind) };
        chain = entry.chain;
        placed.push(entry);
      }
    }
    this.memory.replace(placed);
    return placed;
  }

  #write(write: NonNullable<Ready["write"]>, entries: readonly SimEntry[]): void {
    const { writeSeq, hardState, thenSend } = write;
    this.log.append({ writeSeq, hardState, entries, thenSend } satisfies LogWrite);
  }

  #completed(writes: readonly LogWrite[]): void {
    let last = 0;
    for (const write of writes) {
      for (const message of write.thenSend) this.#post(message);
      last = write.writeSeq;
    }
    if (writes.length > 1) this.#context.marks.hit("persistedJump");
    this.#arrive({ kind: "persisted", writeSeq: last }, NO_ENTRIES);
  }

  #post(message: Message): void {
    this.#observer.leaves(this, message);
    const entries =
      message.kind === "appendRequest" ? this.memory.slice(message.entries.from, message.entries.to) : NO_ENTRIES;
    this.#send({ message, entries });
  }

  #applyLater(entries: readonly SimEntry[]): void {
    this.#applying.push(entries);
    if (this.#applying.length === 1) this.#applyNext();
  }

  #applyNext(): void {
    const { bootEpoch } = this;
    this.#context.after(this.#random.magnitude(0.5, 2) * this.#context.parameters.applyMicros, () => {
      if (bootEpoch !== this.bootEpoch) return;
      const entries = this.#applying.shift() ?? NO_ENTRIES;
      for (const entry of entries) {
        const outcome = this.machine.apply(entry);
        this.#observer.applied(this, entry, outcome?.isFirst ?? false);
        this.#requests.applied(entry, outcome?.result ?? null);
      }
      this.#arrive({ kind: "applied", index: this.machine.appliedIndex as never }, NO_ENTRIES);
      if (this.#applying.length > 0) this.#applyNext();
      this.#answerReads();
    });
  }

  #answerReads(): void {
    if (!this.isPaused) this.#requests.answerReads(this.machine);
  }

  #checkpointLater(bootEpoch: number): void {
    this.#context.after(this.#random.wait(this.#context.parameters.checkpointMicros), () => {
      if (bootEpoch !== this.bootEpoch) return;
      const { appliedIndex } = this.machine;
      const chain = this.memory.chainAt(appliedIndex);
      // D never exceeds this server's own durable log (S2), however far the others have it.
      if (this.life === "up" && chain !== null && this.durable.entries.chainAt(appliedIndex) === chain) {
        this.checkpoint = new Machine(this.machine);
      }
      this.#checkpointLater(bootEpoch);
    });
  }

  #die(kind: "kill" | "powerLoss"): void {
    this.#context.count("crashes");
    this.crash(kind);
    this.#restart();
  }
}
