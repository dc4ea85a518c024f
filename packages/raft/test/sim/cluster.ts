import { HistoryRecorder } from "@raftkv/checker";
import type { Configuration, ServerId } from "../../dist/core/index.js";
import { Oracle } from "./checks/oracle.js";
import { SimClient } from "./client.js";
import type { Reach } from "./client.js";
import { Context } from "./context.js";
import type { CoreModule } from "./core.js";
import { nameServer, numberOf } from "./entry.js";
import { Network } from "./network.js";
import type { Packet } from "./network.js";
import type { Parameters } from "./parameters.js";
import type { Random } from "./random.js";
import { SimServer } from "./server.js";

/** The servers, their network and their clients. */
export class Cluster {
  readonly context: Context;
  readonly network: Network;
  readonly servers = new Map<ServerId, SimServer>();
  readonly history = new HistoryRecorder();
  readonly oracle: Oracle;
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
    const voters = Array.from({ length: parameters.servers }, (_, at) => nameServer(at + 1));
    const configuration: Configuration = {
      voters,
      outgoing: [],
      learners: [],
      witnesses: [],
      autoLeave: false,
    };
    for (let number = 1; number <= parameters.servers; number += 1) {
      const server = new SimServer(number, {
        context,
        module,
        observer: this.oracle,
        configuration,
        send: (packet) => this.network.send(packet),
        restart: (died) => this.#restartLater(died),
      });
      this.servers.set(server.id, server);
    }
  }

  start(): void {
    for (const server of this.servers.values()) server.start();
    for (let client = 0; client < this.context.parameters.clients; client += 1) this.addClient().run();
  }

  addClient(): SimClient {
    this.#clients += 1;
    const reach: Reach = {
      ask: (number, request) => this.serverAt(number)?.request(request),
      serverNumbers: () => [...this.servers.values()].map(({ number }) => number),
      numberOf,
      nextAttempt: () => (this.#attempts += 1),
      nextSession: () => (this.#sessions += 1),
      nextValue: () => (this.#values += 1),
    };
    return new SimClient(this.#clients, this.context, this.history, reach);
  }

  serverAt(number: number): SimServer | null {
    return this.servers.get(nameServer(number)) ?? null;
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
    if (server.life === "down") return;
    this.context.count("crashes");
    server.crash(kind);
    this.#noticeDrops(server);
    this.#restartLater(server);
  }

  #noticeDrops(server: SimServer): void {
    const { context } = this;
    if (!context.parameters.dropNotices) return;
    for (const other of this.servers.values()) {
      if (other === server) continue;
      context.after(this.#random.below(context.parameters.networkMicros * 4), () => {
        context.count("dropNotice");
        other.connectionDropped(server.id);
      });
    }
  }

  #restartLater(server: SimServer): void {
    const { context } = this;
    const { bootEpoch } = server;
    context.after(this.#random.wait(context.parameters.faultMicros), () => {
      if (server.life === "down" && server.bootEpoch === bootEpoch && !context.healed) server.start();
    });
  }

  #deliver(packet: Packet): void {
    this.servers.get(packet.message.to)?.receive(packet);
  }
}
