import type { Message, Raft, RaftEvent, RaftStatus, Ready, ServerId } from "../../dist/core/index.js";
import { ApplyQueue } from "./apply-queue.js";
import { Bodies } from "./bodies.js";
import { Checkpoints } from "./checkpoints.js";
import type { Observer } from "./checks/observed.js";
import type { Context } from "./context.js";
import type { CoreModule } from "./core.js";
import type { DurableLog, LogWrite, Recovered } from "./durable-log.js";
import { EntryLog, nameServer } from "./entry.js";
import type { Command, SimBase, SimEntry } from "./entry.js";
import type { FoldObserver } from "./folded-log.js";
import { Machine } from "./machine.js";
import type { Packet } from "./packet.js";
import type { Random } from "./random.js";
import { Requests } from "./requests.js";
import type { Request } from "./requests.js";
import { Snapshots } from "./snapshots.js";
import { Store } from "./store.js";

interface Arrived {
  readonly event: RaftEvent<Command>;
  readonly entries: readonly SimEntry[];
}

/** `gone`: for good, its disk wiped; it never comes back under this name (R25). */
export type Life = "down" | "opening" | "up" | "gone";

/** What all servers of a run share. */
export interface Surroundings {
  readonly context: Context;
  readonly module: CoreModule;
  readonly observer: Observer;
  readonly send: (packet: Packet) => void;
  /** An empty disk with a log on it that begins at `start`. */
  readonly createLog: (name: string, start: SimBase, observe: FoldObserver) => DurableLog;
  /** The process died by itself; somebody is to start it again. */
  readonly restart: (server: SimServer) => void;
}

const NO_ENTRIES: readonly SimEntry[] = [];

/**
 * One process with its disk: the shell around a core, as its contract wants it. What arrives during one turn of its
 * event loop is stepped together, then one Ready is taken.
 */
export class SimServer {
  readonly number: number;
  readonly id: ServerId;
  /** It votes and logs, and has no state machine (R24). */
  readonly isWitness: boolean;
  /** 10 campaigns first; each step below waits one election timeout longer. */
  readonly priority: number;
  readonly log: DurableLog;
  readonly store: Store;
  life: Life = "down";
  isPaused = false;
  machine = new Machine(null);
  memory: EntryLog;
  core: Raft<Command> | null = null;
  status: RaftStatus | null = null;
  bootEpoch = 0;

  readonly #around: Surroundings;
  readonly #random: Random;
  /** This clock's rate against true time, and what it showed at the beginning. */
  readonly #rate: number;
  readonly #clockOffset: number;
  readonly #bodies: Bodies;
  #requests: Requests;
  #snapshots: Snapshots | null = null;
  #checkpoints: Checkpoints | null = null;
  #applying: ApplyQueue | null = null;
  #inbox: Arrived[] = [];
  #isTurnDue = false;
  #missedTicks = 0;

  constructor(number: number, around: Surroundings, start: SimBase, isWitness: boolean) {
    const { context } = around;
    this.number = number;
    this.id = nameServer(number);
    this.isWitness = isWitness;
    this.#around = around;
    this.#random = context.random(`server ${number}`);
    this.priority = this.#random.chance(context.parameters.lowPriorityShare)
      ? this.#random.between(7, 9)
      : 10;
    this.#requests = new Requests(context);
    this.#bodies = new Bodies(this.id, around.module, (index) => this.store.keptChain(index));
    const drift = Math.min(context.parameters.faults.drift, 0.1);
    this.#rate = 1 + (this.#random.fraction() * 2 - 1) * drift;
    this.#clockOffset = this.#random.below(1_000_000_000);
    if (drift > 0) context.count("drift");
    const machine = new Machine(null);
    machine.appliedIndex = start.base.index;
    machine.hash = start.chain;
    this.store = new Store({ ...start, machine });
    this.memory = new EntryLog(start);
    this.log = around.createLog(this.id, start, (durable, write) =>
      around.observer.folding(this, durable, write),
    );
  }

  get durable(): Recovered {
    return this.log.durable;
  }

  /** Its monotonic clock, in whole microseconds. */
  get clockMicros(): number {
    return 1 + this.#clockOffset + Math.floor(this.#around.context.now * this.#rate);
  }

  /** Starts the process: it opens its log, and then runs. */
  start(): void {
    this.life = "opening";
    this.bootEpoch += 1;
    this.log.open({
      opened: (recovered) => this.#opened(recovered),
      completed: (writes) => this.#completed(writes),
      failed: (end) => this.#die(end),
    });
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
    this.#checkpoints = null;
    this.#bodies.clear();
    this.#snapshots = null;
    this.#applying = null;
    this.#requests = new Requests(this.#around.context);
    this.#around.observer.crashed(this);
  }

  /** Wiped: whoever comes in its place has another name (R25). */
  retire(): void {
    if (this.life !== "down") this.crash("powerLoss");
    this.life = "gone";
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    // Timers that fell due while a process stood still fire once, or one after the other.
    const ticks = this.#around.context.parameters.tickBursts
      ? this.#missedTicks
      : Math.min(1, this.#missedTicks);
    for (let tick = 0; tick < ticks; tick += 1)
      this.#inbox.unshift({ event: { kind: "tick" }, entries: NO_ENTRIES });
    this.#missedTicks = 0;
    this.#scheduleTurn();
  }

  receive(packet: Packet): void {
    if (this.core === null) return;
    switch (packet.kind) {
      case "core":
        this.#bodies.received(packet);
        this.arrive({ kind: "receive", message: packet.message }, packet.entries);
        return;
      case "chunk":
        this.#snapshots?.received(packet);
        return;
      case "report":
        this.#snapshots?.reported(packet);
        return;
    }
  }

  /** Something happened that the core is to be told of, in the next turn. */
  arrive(event: RaftEvent<Command>, entries: readonly SimEntry[] = NO_ENTRIES): void {
    if (this.core === null) return;
    this.#inbox.push({ event, entries });
    if (!this.isPaused) this.#scheduleTurn();
  }

  /** What an operator asked for and the core was not told yet. */
  forgetCommands(): void {
    this.#inbox = this.#inbox.filter(
      ({ event: { kind } }) =>
        kind !== "changeMembership" && kind !== "changeLease" && kind !== "transferLeadership",
    );
  }

  request(request: Request): void {
    if (this.core === null) return;
    // A witness has nothing to read (R24).
    if (this.isWitness && request.kind === "read") request.answer({ kind: "refused", leader: null });
    else this.arrive(this.#requests.take(request, this.#around.observer.committedIndex));
  }

  #opened(recovered: Recovered): void {
    const { context, module, observer } = this.#around;
    const { parameters } = context;
    this.life = "up";
    this.memory = recovered.entries;
    if (this.isWitness) {
      this.machine = new Machine(null);
      this.machine.appliedIndex = this.memory.baseIndex;
    } else {
      this.store.recover(this.memory.baseIndex);
      this.machine = new Machine(this.store.checkpoint.machine);
    }
    this.core = new module.Raft<Command>(
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
        priority: this.priority,
        fastFailoverTicks: parameters.fastFailoverTicks,
        promotionLagEntriesMax: parameters.promotionLagEntriesMax,
      },
      {
        hardState: recovered.hardState,
        base: this.memory.base,
        entries: this.memory.shapes(),
        appliedIndex: this.machine.appliedIndex as never,
      },
    );
    const { bootEpoch } = this;
    const isAlive = (): boolean => bootEpoch === this.bootEpoch;
    this.#snapshots = new Snapshots(context, this.#random, {
      id: this.id,
      bootEpoch,
      isAlive,
      send: (packet) => this.#around.send(packet),
      step: (event) => this.arrive(event),
      isExpected: (from, term) => this.core?.expectsSnapshot(from, term as never) === true,
      keep: (snapshot) => this.store.keep(snapshot),
      expected: (from, term) => observer.expected(this, from, term),
    });
    this.#applying = new ApplyQueue(context, this.#random, {
      isAlive,
      server: this,
      observer,
      requests: this.#requests,
      applied: () => {
        this.arrive({ kind: "applied", index: this.machine.appliedIndex as never });
        this.#answerReads();
      },
    });
    this.#checkpoints = new Checkpoints(context, observer, this.#random, this);
    this.#checkpoints.run(isAlive);
    this.status = this.core.status();
    module.checkInvariants(this.status, null);
    observer.started(this, this.status, recovered);
    this.#tickLater(bootEpoch, this.#random.fraction());
  }

  #tickLater(bootEpoch: number, share: number): void {
    const { context } = this.#around;
    context.after((context.parameters.tickMicros * share) / this.#rate, () => {
      if (bootEpoch !== this.bootEpoch) return;
      if (this.isPaused) this.#missedTicks += 1;
      else this.arrive({ kind: "tick" });
      this.#tickLater(bootEpoch, 1);
    });
  }

  #scheduleTurn(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const { bootEpoch } = this;
    const { context } = this.#around;
    context.after(this.#random.fraction() * context.parameters.turnMicros, () => {
      if (bootEpoch !== this.bootEpoch) return;
      this.#isTurnDue = false;
      if (!this.isPaused) this.#turn();
    });
  }

  #turn(): void {
    const { core, status } = this;
    if (core === null || status === null) return;
    const { observer } = this.#around;
    const arrived = this.#inbox;
    this.#inbox = [];
    observer.turnBegins(this, status);
    for (const { event, entries } of arrived) {
      this.#bodies.stage(entries);
      this.#step(core, event);
    }
    const ready = core.ready();
    if (ready !== null) this.#carryOut(ready);
    this.#bodies.clear();
    observer.turnEnded(this, ready);
    this.#answerReads();
  }

  #step(core: Raft<Command>, event: RaftEvent<Command>): void {
    const before = this.status as RaftStatus;
    core.step(event, this.clockMicros);
    if (event.kind === "compacted") this.#compacted(event.index);
    const after = core.status();
    this.status = after;
    this.#around.module.checkInvariants(after, before);
    this.#around.observer.stepped(this, event, before, after);
  }

  #carryOut(ready: Ready<Command>): void {
    const { context, observer } = this.#around;
    const { write } = ready;
    for (const appended of ready.appended) this.#bodies.appended(appended, this.#requests);
    const placed = write === null ? null : this.#bodies.place(write, this.memory);
    observer.readied(this, ready);
    // In any order, and the end may come in between.
    const writeFirst = this.#random.chance(0.5);
    if (writeFirst && placed !== null) this.log.append(placed);
    for (const message of ready.sendNow) this.#post(message);
    if (this.#random.chance(0.002) && context.faultNow("kill") > 0) {
      context.count("kill");
      this.#die("kill");
      return;
    }
    if (!writeFirst && placed !== null) this.log.append(placed);
    for (const task of ready.snapshots) {
      this.#snapshots?.task(task);
      if (task.kind === "install") this.#applying?.install(task, write?.writeSeq ?? 0);
    }
    if (ready.apply !== null) this.#applying?.apply(this.memory.slice(ready.apply.from, ready.apply.to));
    for (const grant of ready.reads) {
      observer.granted(this, grant);
      this.#requests.granted(grant);
    }
    for (const rejection of ready.rejected) {
      observer.rejected(this, rejection);
      if (rejection.kind === "proposal")
        this.#requests.proposalRejected(rejection.proposal, rejection.leader);
      else this.#requests.readRejected(rejection.readId, rejection.leader);
    }
    if (ready.compactable !== null) {
      observer.compactable(this, ready.compactable);
      this.#checkpoints?.compact(ready.compactable);
    }
  }

  #completed(writes: readonly LogWrite[]): void {
    let last = 0;
    for (const write of writes) {
      for (const message of write.thenSend) this.#post(message);
      if (write.writeSeq > 0) last = write.writeSeq;
      else if (write.base !== null) this.arrive({ kind: "compacted", index: write.base.base.index });
    }
    if (writes.length > 1) this.#around.context.marks.hit("persistedJump");
    if (last === 0) return;
    this.arrive({ kind: "persisted", writeSeq: last });
    this.#applying?.persisted(last);
  }

  #post(message: Message): void {
    this.#around.observer.leaves(this, message);
    const { from, to } = message;
    const isAppend = message.kind === "appendRequest";
    const isSnapshot = message.kind === "installSnapshot";
    this.#around.send({
      kind: "core",
      from,
      to,
      message,
      entries: isAppend ? this.memory.slice(message.entries.from, message.entries.to) : NO_ENTRIES,
      baseChain: isSnapshot ? this.#bodies.announced(message.base.index, this.memory) : 0,
    });
    if (isSnapshot && message.withData) {
      this.#snapshots?.begin(to, message.term, message.base, this.store.checkpoint);
    }
  }

  #answerReads(): void {
    const { core, isPaused } = this;
    if (isPaused || core === null) return;
    const again = this.#requests.answerReads(this.machine, (grant) => {
      const holds = core.leaseHolds(grant, this.clockMicros);
      this.#around.observer.answersRead(this, grant, holds);
      return holds;
    });
    for (const event of again) this.arrive(event);
  }

  #compacted(index: number): void {
    const base = this.core?.baseAt(index as never) ?? null;
    const chain = this.memory.chainAt(index);
    if (base !== null && chain !== null) this.memory.compact({ base, chain });
  }

  #die(end: "kill" | "powerLoss"): void {
    this.#around.context.count("crashes");
    this.crash(end);
    this.#around.restart(this);
  }
}
