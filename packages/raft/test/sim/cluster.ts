import { HistoryRecorder } from "@raftkv/checker";
import type { Configuration, GroupId, LogIndex, ServerId, Term } from "../../dist/core/index.js";
import { Oracle } from "./checks/oracle.js";
import { SimClient } from "./client.js";
import type { Reach } from "./client.js";
import { Context } from "./context.js";
import type { CoreModule } from "./core.js";
import { nameServer, numberOf, startOfLog } from "./entry.js";
import type { SimBase } from "./entry.js";
import { ModelLog } from "./model-log.js";
import { Network } from "./network.js";
import type { Packet } from "./packet.js";
import type { Parameters } from "./parameters.js";
import type { Random } from "./random.js";
import { EntryFrames } from "./entry-frames.js";
import { RealLog } from "./real-log.js";
import type { RealLogs } from "./real-log.js";
import { SimServer } from "./server.js";
import type { Surroundings } from "./server.js";

const GROUP = 1 as GroupId;

/** The servers, their network and their clients. */
export class Cluster {
  readonly context: Context;
  readonly network: Network;
  readonly servers = new Map<ServerId, SimServer>();
  readonly history = new HistoryRecorder();
  readonly oracle: Oracle;
  readonly #around: Surroundings;
  readonly #random: Random;
  #attempts = 0;
  #sessions = 0;
  #values = 0;
  #clients = 0;

  constructor(module: CoreModule, parameters: Parameters) {
    const context = new Context(parameters);
    this.context = context;
    this.#random = context.random("cluster");
    this.oracle = new Oracle(context, this.servers);
    this.network = new Network(context, (packet) => this.#deliver(packet));
    this.#around = {
      context,
      module,
      observer: this.oracle,
      send: (packet) => this.network.send(packet),
      createLog: logsOf(context, module),
      restart: (died) => this.#restartLater(died, { evenHealed: context.healed }),
    };
    const start = founding(parameters);
    this.oracle.begins(start);
    for (let number = 1; number <= parameters.servers; number += 1) {
      this.addServer(number, start, number > parameters.servers - parameters.witnesses);
    }
  }

  addServer(number: number, start: SimBase, isWitness: boolean): SimServer {
    const server = new SimServer(number, this.#around, start, isWitness);
    this.servers.set(server.id, server);
    return server;
  }

  start(): void {
    for (const server of this.servers.values()) server.start();
    for (let client = 0; client < this.context.parameters.clients; client += 1)
      this.addClient({ isPatient: false }).run();
  }

  addClient(kind: { readonly isPatient: boolean }): SimClient {
    this.#clients += 1;
    const reach: Reach = {
      ask: (number, request) => this.serverAt(number)?.request(request),
      serverNumbers: () => this.present().map(({ number }) => number),
      numberOf,
      nextAttempt: () => (this.#attempts += 1),
      nextSession: () => (this.#sessions += 1),
      nextValue: () => (this.#values += 1),
    };
    return new SimClient(this.#clients, this.context, this.history, reach, kind);
  }

  serverAt(number: number): SimServer | null {
    return this.servers.get(nameServer(number)) ?? null;
  }

  /** All but those that are gone for good. */
  present(): SimServer[] {
    return [...this.servers.values()].filter(({ life }) => life !== "gone");
  }

  /** The configurations that are in force somewhere, or may come into force again. */
  configurations(): Configuration[] {
    const found: Configuration[] = [];
    for (const { durable, memory } of this.present()) {
      for (const log of [durable.entries, memory]) {
        // What lies before a committed configuration never comes back (R21).
        let last: Configuration | null = null;
        for (const { configuration, index } of log.configurationsAt()) {
          if (index <= this.oracle.committedIndex && this.oracle.isCommitted(log, index))
            last = configuration;
          else found.push(configuration);
        }
        if (last !== null) found.push(last);
      }
    }
    return found.filter(({ voters }) => voters.length > 0);
  }

  /** Everyone that any log knows as a member. */
  membersAnywhere(): Set<ServerId> {
    const members = new Set<ServerId>();
    for (const { voters, outgoing, learners } of this.configurations()) {
      for (const id of [...voters, ...outgoing, ...learners]) members.add(id);
    }
    return members;
  }

  /** Who leads, as far as any server says; the latest term wins. */
  leader(): SimServer | null {
    let leader: SimServer | null = null;
    for (const server of this.servers.values()) {
      if (server.status?.role !== "leader") continue;
      if (leader === null || server.status.currentTerm > (leader.status?.currentTerm ?? 0)) leader = server;
    }
    return leader;
  }

  /** Ends a process. Its peers may hear that the connection dropped. */
  crash(server: SimServer, kind: "kill" | "powerLoss"): void {
    if (server.life === "down" || server.life === "gone") return;
    this.context.count("crashes");
    server.crash(kind);
    this.#noticeDrops(server);
    this.#restartLater(server, { evenHealed: false });
  }

  #noticeDrops(server: SimServer): void {
    const { context } = this;
    if (!context.parameters.dropNotices) return;
    for (const other of this.servers.values()) {
      if (other === server) continue;
      context.after(this.#random.below(context.parameters.networkMicros * 4), () => {
        context.count("dropNotice");
        other.arrive({ kind: "connectionLost", peer: server.id });
      });
    }
  }

  /** Once all harm has ended, whoever is down stays down; but who dies only then of earlier harm comes back. */
  #restartLater(server: SimServer, { evenHealed }: { readonly evenHealed: boolean }): void {
    const { context } = this;
    const { bootEpoch } = server;
    const { faultMicros, networkMicros, quickRestartShare } = context.parameters;
    const mean = this.#random.chance(quickRestartShare) ? networkMicros : faultMicros;
    context.after(this.#random.wait(mean), () => {
      if (server.life !== "down" || server.bootEpoch !== bootEpoch) return;
      if (context.healed && !evenHealed) return;
      server.start();
      this.network.replayAnnouncement(server.id);
    });
  }

  #deliver(packet: Packet): void {
    this.servers.get(packet.to)?.receive(packet);
  }
}

/** The kind of log that the run goes over. */
function logsOf(context: Context, { wal }: CoreModule): Surroundings["createLog"] {
  const { disk } = context.parameters;
  if (disk === null) return (name, start, observe) => new ModelLog(context, name, start, observe);
  const frames = new EntryFrames(wal.encodeFrame, GROUP);
  const logs: RealLogs = { context, wal, group: GROUP, frames, parameters: disk };
  return (name, start, observe) => new RealLog(logs, name, start, observe);
}

/** Where the logs of the first servers begin: at 1, or behind what was restored from a backup (R23). */
function founding(parameters: Parameters): SimBase {
  const { lease, restoredIndex, servers, witnesses } = parameters;
  const voters = Array.from({ length: servers }, (_, at) => nameServer(at + 1));
  const configuration: Configuration = {
    voters,
    outgoing: [],
    learners: [],
    witnesses: voters.slice(servers - witnesses),
    autoLeave: false,
    lease,
  };
  const start = startOfLog(configuration);
  if (restoredIndex === 0) return start;
  return { base: { index: restoredIndex as LogIndex, term: 1 as Term, configuration }, chain: 77 };
}
