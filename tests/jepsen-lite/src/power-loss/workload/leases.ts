import { setTimeout as pause } from "node:timers/promises";
import {
  Op,
  REPLY_ERROR,
  leaseGrantRequest,
  leaseKeepAliveRequest,
  leaseRevokeRequest,
  leaseTimeToLiveRequest,
  putRequest,
} from "@raftkv/protocol";
import type { Reply } from "@raftkv/protocol";
import type { Client } from "@raftkv/client";
import { until } from "../../harness/until.js";
import type { Random } from "../random.js";
import type { Generator, Load, Reach } from "./generator.js";
import type { Wire } from "./wire.js";

const WRITERS = 6;
const LONG_TTL_MS = 3_600_000;
const SHORT_TTL_MS = [40, 600] as const;
const KEYS_MAX = 6;
const ASKED_EVERY_MS = 5;
const EXPIRED_MS_MAX = 60_000;
/** Two processes round one clock. */
const ROUNDING_MS = 2;
/** Leases that outlive a round. */
const KEPT = 24;

interface Holding {
  readonly id: number;
  readonly ttlMs: number;
  /** All its keys begin so. */
  readonly prefix: string;
  /** `performance.now()` before which it must not have expired. */
  notBeforeMs: number;
  /** It had time left when the power was cut, so the first entry of the next term renews it. */
  isAlive: boolean;
  readonly keys: Set<string>;
  /** Keys of which nobody knows whether they are attached. */
  readonly unsure: Set<string>;
  /** Nobody knows whether it was revoked. */
  revoking: boolean;
  /** It was seen to be gone, or acknowledged to be. */
  gone: boolean;
}

/**
 * Leases and the keys that end with them. A key is there as long as its lease is, and its lease for as long as it was promised at
 * least: log time goes no faster than a clock, and the first entry of a term renews every lease in full (F5). Keys of a lease go together.
 */
export class Leases implements Generator {
  readonly name = "leases";
  acknowledged = 0;
  readonly #holdings = new Map<number, Holding>();
  /** Keys that were taken off their lease: they stay. */
  readonly #detached = new Set<string>();
  #count = 0;

  async run(load: Load): Promise<void> {
    const wire = load.wire();
    await Promise.all(Array.from({ length: WRITERS }, () => this.#write(load, wire, load.random.fork())));
    // All nodes are stopped now. What is alive is renewed by whoever leads next.
    const now = performance.now();
    for (const holding of this.#holdings.values()) holding.isAlive = holding.notBeforeMs > now;
  }

  async check(reach: Reach, random: Random): Promise<string[]> {
    const { client, startedMs } = reach;
    for (const holding of this.#holdings.values()) {
      if (!holding.isAlive) continue;
      // What is over before the next power cut may have been renewed for the first time behind this one.
      const renewedMs = isShort(holding) ? startedMs.first : startedMs.last;
      holding.notBeforeMs = Math.max(holding.notBeforeMs, renewedMs + holding.ttlMs);
    }
    const wire = reach.wire();
    const wrong: string[] = [];
    const found = (what: string): void => void wrong.push(`${this.name}: ${what}`);
    for (const holding of this.#holdings.values()) {
      await this.#checkKeys(client, holding, found);
      if (isShort(holding) && !holding.gone) await this.#expired(wire, holding, found);
      else await this.#checkLong(client, wire, holding, found);
    }
    const all = [...this.#holdings.values()];
    for (const holding of all) {
      const keep = !holding.gone && this.#holdings.size <= KEPT && random.chance(0.8);
      if (!holding.gone && !keep) await this.#revoke(wire, holding, found);
      if (!holding.gone) continue;
      await this.#checkKeys(client, holding, found);
      this.#holdings.delete(holding.id);
    }
    for (const key of this.#detached) {
      if ((await client.get(key)) === null) found(`${key} is gone, though it was taken off its lease`);
    }
    return wrong;
  }

  async #write(load: Load, wire: Wire, random: Random): Promise<void> {
    const found = (what: string): void => load.found(`${this.name}: ${what}`);
    while (!load.stopped) {
      const holding = await this.#grant(wire, random);
      if (holding === null) return;
      for (let steps = random.between(2, 12); steps > 0 && !load.stopped && isUsable(holding); steps -= 1) {
        const chance = random.below(10);
        if (chance < 5) await this.#put(wire, holding, found);
        else if (chance < 7) await this.#keepAlive(wire, holding, found);
        else if (chance < 8) await this.#detach(wire, holding, random);
        else if (chance < 9) await this.#askTime(wire, holding, found);
        else await this.#checkKeys(load.client, holding, found).catch(ignoreStopped(load));
      }
      // Nothing keeps it alive: it is seen to go, if the power lasts so long.
      if (isShort(holding) && random.chance(0.5))
        for (; !load.stopped && isUsable(holding); await pause(ASKED_EVERY_MS))
          await this.#askTime(wire, holding, found);
      if (!isShort(holding) && isUsable(holding) && random.chance(0.5))
        await this.#revoke(wire, holding, found);
    }
  }

  async #grant(wire: Wire, random: Random): Promise<Holding | null> {
    const sentMs = performance.now();
    const asked = random.chance(0.5) ? LONG_TTL_MS : random.between(...SHORT_TTL_MS);
    const reply = await wire.send(leaseGrantRequest(wire.nextId(), 0, asked));
    if (reply?.op !== Op.leaseGrant) return null;
    this.acknowledged += 1;
    const { lease: id, ttlMs } = reply;
    const holding: Holding = {
      id,
      ttlMs,
      prefix: `lease/${id}/`,
      notBeforeMs: sentMs + ttlMs,
      isAlive: false,
      keys: new Set(),
      unsure: new Set(),
      revoking: false,
      gone: false,
    };
    this.#holdings.set(id, holding);
    return holding;
  }

  async #put(wire: Wire, holding: Holding, found: (what: string) => void): Promise<void> {
    if (holding.keys.size >= KEYS_MAX) return;
    this.#count += 1;
    const key = `${holding.prefix}${this.#count}`;
    const request = putRequest(wire.nextId(), 0, Buffer.from(key), Buffer.from(key), holding.id);
    const reply = await wire.send(request);
    if (reply?.op === Op.put) {
      this.acknowledged += 1;
      holding.keys.add(key);
    } else if (!this.#ended(reply, holding, found)) holding.unsure.add(key);
  }

  async #keepAlive(wire: Wire, holding: Holding, found: (what: string) => void): Promise<void> {
    const sentMs = performance.now();
    const reply = await wire.send(leaseKeepAliveRequest(wire.nextId(), 0, [holding.id]));
    if (reply?.op !== Op.leaseKeepAlive) return;
    this.acknowledged += 1;
    if (reply.ttlsMs[0] === 0) this.#sawGone(holding, found);
    else holding.notBeforeMs = sentMs + holding.ttlMs;
  }

  /** What it is said to have left must not end before its time. */
  async #askTime(wire: Wire, holding: Holding, found: (what: string) => void): Promise<void> {
    const reply = await wire.send(leaseTimeToLiveRequest(wire.nextId(), 0, holding.id, false));
    if (reply?.op === Op.leaseTimeToLive) this.#checkTime(reply.remainingMs, holding, found);
    else this.#ended(reply, holding, found);
  }

  /** The answer that says how much is left has just come. */
  #checkTime(remainingMs: number, holding: Holding, found: (what: string) => void): void {
    const earlyMs = holding.notBeforeMs - (performance.now() + remainingMs);
    if (earlyMs > ROUNDING_MS)
      found(
        `lease ${holding.id} of ${holding.ttlMs} ms will be gone ${earlyMs.toFixed(1)} ms too early (F5)`,
      );
    if (remainingMs > holding.ttlMs)
      found(`lease ${holding.id} of ${holding.ttlMs} ms has ${remainingMs} ms left`);
  }

  async #detach(wire: Wire, holding: Holding, random: Random): Promise<void> {
    if (holding.keys.size === 0) return;
    const key = random.pick([...holding.keys]);
    // From here on its own put decides, whatever becomes of the lease.
    holding.keys.delete(key);
    const reply = await wire.send(putRequest(wire.nextId(), 0, Buffer.from(key), Buffer.from(key)));
    if (reply?.op === Op.put) {
      this.acknowledged += 1;
      this.#detached.add(key);
    } else holding.unsure.add(key);
  }

  async #revoke(wire: Wire, holding: Holding, found: (what: string) => void): Promise<void> {
    const { keys, unsure } = holding;
    const sure = unsure.size === 0 && !holding.revoking;
    holding.revoking = true;
    const reply = await wire.send(leaseRevokeRequest(wire.nextId(), 0, holding.id));
    if (reply?.op !== Op.leaseRevoke) {
      if (sure) this.#ended(reply, holding, found);
      else if (isNotFound(reply)) holding.gone = true;
      if (holding.gone) holding.revoking = false;
      return;
    }
    this.acknowledged += 1;
    holding.gone = true;
    holding.revoking = false;
    if (sure && reply.deleted !== keys.size)
      found(`lease ${holding.id} went with ${reply.deleted} keys, it had ${keys.size}`);
  }

  /** Whether the cluster says that there is no such lease; and whether it may say so. */
  #ended(reply: Reply | null, holding: Holding, found: (what: string) => void): boolean {
    if (!isNotFound(reply)) return false;
    this.#sawGone(holding, found);
    return true;
  }

  #sawGone(holding: Holding, found: (what: string) => void): void {
    if (holding.gone) return;
    holding.gone = true;
    const earlyMs = holding.notBeforeMs - performance.now();
    if (earlyMs > ROUNDING_MS)
      found(`lease ${holding.id} of ${holding.ttlMs} ms is gone ${earlyMs.toFixed(1)} ms too early (F5)`);
  }

  /** What is there of its keys: all that were attached, or none, and then not before its time. */
  async #checkKeys(client: Client, holding: Holding, found: (what: string) => void): Promise<void> {
    const { id, keys, prefix, unsure } = holding;
    const { entries } = await client.getRange({ prefix });
    const there = new Map(entries.map(({ key, lease }) => [key, lease]));
    const missing = [...keys].filter((key) => there.get(key) !== id);
    for (const [key, lease] of there) {
      if (unsure.has(key) || this.#detached.has(key)) continue;
      if (lease !== id) found(`${key} is attached to ${lease}, not ${id}`);
    }
    if (keys.size === 0 || missing.length === 0) {
      if (keys.size > 0 && holding.gone && !holding.revoking)
        found(`lease ${id} is gone, and its keys are there`);
      return;
    }
    if (missing.length !== keys.size)
      found(`of the keys of lease ${id} these are gone alone: ${missing.join(" ")}`);
    if (!holding.revoking) this.#sawGone(holding, found);
    holding.gone = true;
  }

  /** A short one is gone when its time has passed, and its keys with it. */
  async #expired(wire: Wire, holding: Holding, found: (what: string) => void): Promise<void> {
    const { id } = holding;
    await until(
      `lease ${id} of ${holding.ttlMs} ms expires`,
      async () =>
        isNotFound(await wire.send(leaseTimeToLiveRequest(wire.nextId(), 0, id, false))) ? true : null,
      { limitMs: EXPIRED_MS_MAX },
    ).catch((error: unknown) => found((error as Error).message));
    this.#sawGone(holding, found);
  }

  async #checkLong(
    client: Client,
    wire: Wire,
    holding: Holding,
    found: (what: string) => void,
  ): Promise<void> {
    const { id, keys, prefix, unsure } = holding;
    if (holding.gone) return;
    const reply = await wire.send(leaseTimeToLiveRequest(wire.nextId(), 0, id, true));
    if (isNotFound(reply)) {
      if (!holding.revoking) found(`lease ${id} is gone, though nobody revoked it`);
      holding.gone = true;
      return;
    }
    if (reply?.op !== Op.leaseTimeToLive) {
      found(`nothing is known of lease ${id}`);
      return;
    }
    this.#checkTime(reply.remainingMs, holding, found);
    // What was open is settled: the range shows it, and the lease must know the same.
    const { entries } = await client.getRange({ prefix });
    for (const { key, lease } of entries) {
      if (!unsure.has(key)) continue;
      if (lease === id) keys.add(key);
      else this.#detached.add(key);
    }
    unsure.clear();
    holding.revoking = false;
    const attached = reply.keys.map((key) => Buffer.from(key).toString()).sort();
    const expected = [...keys].sort();
    if (attached.join() !== expected.join())
      found(`lease ${id} has ${attached.join(" ")}, its keys are ${expected.join(" ")}`);
  }
}

function isShort({ ttlMs }: Holding): boolean {
  return ttlMs < LONG_TTL_MS;
}

function isUsable({ gone, revoking, unsure }: Holding): boolean {
  return !gone && !revoking && unsure.size === 0;
}

function isNotFound(reply: Reply | null): boolean {
  return reply?.op === REPLY_ERROR && reply.code === "LEASE_NOT_FOUND";
}

function ignoreStopped({ stopped }: Load): (error: unknown) => void {
  return (error) => {
    if (!stopped && !(error instanceof Error && "code" in error)) throw error;
  };
}
