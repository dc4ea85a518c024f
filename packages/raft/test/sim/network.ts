import type { ServerId } from "../../dist/core/index.js";
import type { Context } from "./context.js";
import { numberOf } from "./entry.js";
import type { Packet } from "./packet.js";
import type { Random } from "./random.js";

/** Servers a run can have in all, those that come later included. */
export const SERVERS_MAX = 32;
const REMEMBERED = 128;

/** Bulk data and the rest travel in lanes of their own (C5), so that they overtake each other even on a good network. */
const LANES = 2;

export class Network {
  readonly #context: Context;
  readonly #deliver: (packet: Packet) => void;
  readonly #random: Random;
  readonly #replays: Random;
  /** By link: from x SERVERS_MAX + to. */
  readonly #cut = new Set<number>();
  readonly #slow = new Map<number, number>();
  readonly #lastArrival: number[] = [];
  /** Delivered a while ago, for replays. */
  readonly #old: Packet[] = [];
  #remembered = 0;
  /** When everything was healed: a configuration that is on its way since before then never arrives. */
  #healing = 0;
  /** The same of kinds that are seldom sent, or they would never come again. */
  readonly #oldSeldom: Packet[] = [];
  #rememberedSeldom = 0;
  /** By receiver: the last snapshot that was announced to it. */
  readonly #announced = new Map<ServerId, Packet>();

  constructor(context: Context, deliver: (packet: Packet) => void) {
    this.#context = context;
    this.#deliver = deliver;
    this.#random = context.random("network");
    this.#replays = context.random("replay");
  }

  send(packet: Packet): void {
    const context = this.#context;
    context.count("messages");
    const link = linkOf(numberOf(packet.from), numberOf(packet.to));
    if (this.#cut.has(link)) return;
    if (this.#random.chance(context.faultNow("loss"))) {
      context.count("loss");
      return;
    }
    this.#schedule(packet, link);
    if (this.#random.chance(context.faultNow("duplicate"))) {
      context.count("duplicate");
      this.#schedule(packet, link);
    }
    this.#maybeReplay(packet);
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.has(linkOf(from, to));
  }

  /** Cuts the link in one direction. */
  cut(from: number, to: number): void {
    if (from !== to) this.#cut.add(linkOf(from, to));
  }

  join(from: number, to: number): void {
    this.#cut.delete(linkOf(from, to));
  }

  joinAll(): void {
    this.#cut.clear();
  }

  /** As good as new: what is on its way still arrives some day, but nothing queues behind it. */
  heal(): void {
    this.#healing = this.#context.now;
    this.#cut.clear();
    this.#slow.clear();
    this.#lastArrival.length = 0;
  }

  slow(from: number, to: number, factor: number): void {
    this.#slow.set(linkOf(from, to), factor);
  }

  unslow(from: number, to: number): void {
    this.#slow.delete(linkOf(from, to));
  }

  /** A snapshot that was announced to an earlier life of a server is announced to the next (R23). */
  replayAnnouncement(to: ServerId): void {
    const packet = this.#announced.get(to);
    if (packet === undefined || !this.#replays.chance(Math.min(1, this.#context.faultNow("replay") * 100)))
      return;
    const { diskMicros, networkMicros } = this.#context.parameters;
    this.#context.count("replay");
    this.#context.after(this.#replays.below(diskMicros * 8 + networkMicros * 8), () => this.#deliver(packet));
  }

  #schedule(packet: Packet, link: number): void {
    const context = this.#context;
    const { now, parameters } = context;
    let delay = parameters.networkMicros * (0.5 + this.#random.fraction()) * (this.#slow.get(link) ?? 1);
    if (this.#random.chance(context.faultNow("delay"))) {
      context.count("delay");
      delay *= this.#random.magnitude(10, 200);
    }
    const isBulk = packet.kind === "chunk" || (packet.kind === "core" && packet.entries.length > 0);
    const lane = link * LANES + (isBulk ? 1 : 0);
    const earlier = this.#lastArrival[lane] ?? 0;
    let arrival = Math.round(now + delay);
    if (arrival <= earlier) {
      if (this.#random.chance(context.faultNow("reorder"))) context.count("reorder");
      else arrival = earlier + 1;
    }
    if (arrival > earlier) this.#lastArrival[lane] = arrival;
    context.after(arrival - now, () => {
      if (this.#cut.has(link) || (now < this.#healing && carriesConfiguration(packet))) return;
      this.#remember(packet);
      this.#deliver(packet);
    });
  }

  #remember(packet: Packet): void {
    if (packet.kind === "core" && packet.message.kind === "installSnapshot")
      this.#announced.set(packet.to, packet);
    if (isSeldom(packet)) {
      this.#oldSeldom[this.#rememberedSeldom % REMEMBERED] = packet;
      this.#rememberedSeldom += 1;
    } else {
      this.#old[this.#remembered % REMEMBERED] = packet;
      this.#remembered += 1;
    }
  }

  /** What was delivered long ago comes once more. */
  #maybeReplay(cause: Packet): void {
    const context = this.#context;
    if (!this.#replays.chance(context.faultNow("replay"))) return;
    const from = this.#replays.chance(0.5) ? this.#old : this.#oldSeldom;
    const packet = from[this.#replays.below(from.length)] ?? cause;
    context.count("replay");
    context.after(this.#replays.below(context.parameters.networkMicros * 100), () => this.#deliver(packet));
  }
}

function carriesConfiguration(packet: Packet): boolean {
  return packet.kind === "core" && packet.entries.some(({ configuration }) => configuration !== null);
}

function isSeldom(packet: Packet): boolean {
  if (packet.kind !== "core") return true;
  switch (packet.message.kind) {
    case "appendRequest":
    case "appendResponse":
    case "heartbeatRequest":
    case "heartbeatResponse":
    case "commitNotice":
      return false;
    default:
      return true;
  }
}

function linkOf(from: number, to: number): number {
  return from * SERVERS_MAX + to;
}
