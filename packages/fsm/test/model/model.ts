import { DEFAULT_SETTINGS, FIRST_CATALOG, rangeOfKey } from "@raftkv/fsm";
import type { Catalog, Command, CommandResult, Envelope, Op, Settings, Txn } from "@raftkv/fsm";
import type { KeyRange, KeyValue } from "@raftkv/store";
import { ModelKeys, intersect, isOne } from "./keys.js";
import { ModelSession, resultBytes } from "./session.js";
import { ModelTxn, Refusal, checkDeletion, refuse } from "./txn.js";

/** An entry of the log, as what it means. */
export interface ModelEntry {
  readonly term: number;
  /** Null: a no-op, or a change of the members. */
  readonly command: Command | null;
  readonly envelope: Envelope;
  readonly stampMs: number;
}

interface ModelLease {
  readonly ttlMs: number;
  dueMs: number;
}

const GROUP = 1;

/**
 * What a state machine must answer and hold, written from the documents and not from its code: maps, copies, and a sort
 * where something is due.
 */
export class Model {
  index = 0;
  term = 0;
  /** The catalog's bootstrap takes the first. */
  revision = 1;
  floor = 0;
  logTimeMs = 0;
  keys = new ModelKeys();
  settings: Settings = DEFAULT_SETTINGS;
  catalog: Catalog = FIRST_CATALOG;
  readonly leases = new Map<number, ModelLease>();
  readonly sessions = new Map<number, ModelSession>();

  apply(entry: ModelEntry): CommandResult | null {
    this.index += 1;
    if (entry.term !== this.term) this.#renew();
    this.term = entry.term;
    const { command, envelope, stampMs } = entry;
    if (command === null) return null;
    this.logTimeMs = Math.max(this.logTimeMs, stampMs);
    if (envelope.session === 0) return this.#outcome(command, 0);
    const session = this.sessions.get(envelope.session);
    if (session === undefined) {
      return { kind: "refused", code: "SESSION_EXPIRED", facts: { session: envelope.session } };
    }
    session.dueMs = this.logTimeMs + session.ttlMs;
    const others = [...this.sessions.values()].reduce((sum, { span }) => sum + span, -session.span);
    const answer = session.answerTo(envelope, this.settings, others);
    session.forgetBelow(envelope.answeredBelow);
    if (answer !== null) return answer;
    const result = session.refusalBehind(envelope.predecessor) ?? this.#outcome(command, envelope.session);
    if (this.sessions.has(envelope.session)) this.#record(session, envelope.number, result);
    return result;
  }

  /** All that a replica shows of itself, to be compared with one. */
  summary(): Summary {
    const dues = [...this.leases.values(), ...this.sessions.values()].map(({ dueMs }) => dueMs);
    return {
      index: this.index,
      revision: this.revision,
      floor: this.floor,
      keys: this.keys.all().map(plain),
      logTimeMs: this.logTimeMs,
      nextDueMs: dues.length === 0 ? null : Math.min(...dues),
      leases: [...this.leases].map(([lease, { ttlMs, dueMs }]) => ({
        lease,
        ttlMs,
        remainingMs: Math.max(0, dueMs - this.logTimeMs),
      })),
      sessionsCount: this.sessions.size,
      settings: this.settings,
      catalog: this.catalog,
    };
  }

  #renew(): void {
    for (const held of [...this.leases.values(), ...this.sessions.values()]) {
      held.dueMs = Math.max(held.dueMs, this.logTimeMs + held.ttlMs);
    }
  }

  #record(session: ModelSession, number: number, result: CommandResult): void {
    const isRetried = result.kind === "refused" && ["SESSION_EXPIRED", "OVERLOADED"].includes(result.code);
    if (number === 0 || isRetried) return;
    const bytes = resultBytes(result);
    const kept = [...this.sessions.values()].reduce((sum, one) => sum + one.bytes, 0);
    const { resultBytesMax, allResultBytesMax } = this.settings;
    const fits = bytes <= resultBytesMax && (bytes === 0 || kept + bytes <= allResultBytesMax);
    session.results.set(number, fits ? result : { kind: "notKept", revision: this.revision });
  }

  #outcome(command: Command, session: number): CommandResult {
    const keys = this.keys;
    this.keys = keys.copy();
    try {
      const result = this.#carryOut(command, session);
      this.#checkLeaseKeys(keys);
      if (this.keys.changed) this.revision += 1;
      return result;
    } catch (error) {
      this.keys = keys;
      if (error instanceof Refusal) return error.result;
      throw error;
    }
  }

  #carryOut(command: Command, session: number): CommandResult {
    const { keys } = this;
    const next = this.revision + 1;
    const now = (): number => (keys.changed ? next : this.revision);
    switch (command.kind) {
      case "put": {
        this.#checkRoutes([rangeOfKey(command.key)]);
        const { key, value, lease, wantPrevious } = command;
        if (lease !== 0 && !this.leases.has(lease)) refuse("LEASE_NOT_FOUND", { lease });
        const previous = wantPrevious ? keys.get(key) : null;
        keys.put(key, value, lease, next);
        return { kind: "put", revision: next, previous };
      }
      case "delete": {
        this.#checkRoutes([command.range]);
        const found = keys.in(command.range);
        if (!isOne(command.range)) checkDeletion(found, command.wantPrevious, this.settings);
        for (const { key } of found) keys.delete(key);
        const previous = command.wantPrevious ? found : [];
        return { kind: "delete", revision: now(), deleted: found.length, previous };
      }
      case "txn": {
        this.#checkRoutes(rangesOf(command));
        const { settings } = this;
        const txn = new ModelTxn(keys, next, { settings, hasLease: (lease) => this.leases.has(lease) });
        const outcome = txn.run(command);
        return { kind: "txn", revision: now(), ...outcome };
      }
      case "leaseGrant": {
        const { ttlMs } = command;
        const { leasesMax } = this.settings;
        if (this.leases.size >= leasesMax) refuse("OVERLOADED", { leasesMax });
        this.leases.set(this.index, { ttlMs, dueMs: this.logTimeMs + ttlMs });
        return { kind: "leaseGrant", lease: this.index, ttlMs };
      }
      case "leaseRevoke": {
        if (!this.leases.has(command.lease)) refuse("LEASE_NOT_FOUND", { lease: command.lease });
        const deleted = this.#endLease(command.lease);
        return { kind: "leaseRevoke", revision: now(), deleted };
      }
      case "leaseKeepAlive":
        return { kind: "leaseKeepAlive", leases: command.leases.map((lease) => this.#keepAlive(lease)) };
      case "sessionOpen": {
        const { ttlMs } = command;
        const { sessionsMax } = this.settings;
        if (this.sessions.size >= sessionsMax) refuse("OVERLOADED", { sessionsMax });
        this.sessions.set(this.index, new ModelSession(ttlMs, this.logTimeMs + ttlMs));
        return { kind: "sessionOpen", session: this.index, ttlMs };
      }
      case "sessionKeepAlive": {
        const found = this.sessions.get(session) ?? refuse("SESSION_EXPIRED", { session });
        return { kind: "sessionKeepAlive", ttlMs: found.ttlMs };
      }
      case "sessionClose":
        if (!this.sessions.delete(session)) refuse("SESSION_EXPIRED", { session });
        return { kind: "sessionClose" };
      case "compact":
        if (command.revision <= this.floor) refuse("COMPACTED", { floor: this.floor });
        if (command.revision > this.revision) refuse("FUTURE_REVISION", { revision: this.revision });
        this.floor = command.revision;
        return { kind: "compact", floor: command.revision };
      case "catalogChange":
        return this.#changeCatalog(command);
      case "clock":
        return this.#expire();
      case "hashCheck":
        return { kind: "hashCheck" };
      case "settingsChange":
        this.settings = { ...this.settings, ...command.settings };
        return { kind: "settingsChange", settings: this.settings };
    }
  }

  #keepAlive(lease: number): { lease: number; ttlMs: number } {
    const found = this.leases.get(lease);
    if (found === undefined) return { lease, ttlMs: 0 };
    found.dueMs = this.logTimeMs + found.ttlMs;
    return { lease, ttlMs: found.ttlMs };
  }

  #endLease(lease: number): number {
    this.leases.delete(lease);
    const attached = this.keys.ofLease(lease);
    for (const { key } of attached) this.keys.delete(key);
    return attached.length;
  }

  #expire(): CommandResult {
    const { leaseExpiryKeysMax } = this.settings;
    const leases: number[] = [];
    let deleted = 0;
    for (const lease of this.#due(this.leases).slice(0, leaseExpiryKeysMax)) {
      const more = this.keys.ofLease(lease).length;
      if (leases.length > 0 && deleted + more > leaseExpiryKeysMax) break;
      leases.push(lease);
      deleted += this.#endLease(lease);
    }
    const sessions = this.#due(this.sessions).slice(0, leaseExpiryKeysMax);
    for (const session of sessions) this.sessions.delete(session);
    return { kind: "clock", leases, sessions, deleted };
  }

  #due(held: ReadonlyMap<number, { readonly dueMs: number }>): number[] {
    const due = [...held].filter(([, { dueMs }]) => dueMs <= this.logTimeMs);
    return due.sort(([a, { dueMs: at }], [b, { dueMs: bt }]) => at - bt || a - b).map(([id]) => id);
  }

  /** The routes are in order, and whole: the generator makes no others. */
  #changeCatalog({ expectedVersion, routes }: Command & { kind: "catalogChange" }): CommandResult {
    const { version, nextRouteId } = this.catalog;
    if (expectedVersion !== version) refuse("CATALOG_VERSION_CONFLICT", { version });
    let next = nextRouteId;
    const changed = routes.map(({ routeId, start, end, groupId }) => {
      const keys = { start: Buffer.from(start), end: end === null ? null : Buffer.from(end) };
      if (routeId === 0) return { routeId: next++, ...keys, groupId, version: 1 };
      const found = this.catalog.routes.find((route) => route.routeId === routeId);
      const before = found ?? refuse("INVALID_ARGUMENT", { routeId });
      const same =
        JSON.stringify([hex(start), hex(end), groupId]) ===
        JSON.stringify([hex(before.start), hex(before.end), before.groupId]);
      return { routeId, ...keys, groupId, version: before.version + (same ? 0 : 1) };
    });
    this.catalog = { version: version + 1, nextRouteId: next, routes: changed };
    return { kind: "catalogChange", version: version + 1 };
  }

  /** No lease has gained keys and has more than it may. */
  #checkLeaseKeys(before: ModelKeys): void {
    const { leaseKeysMax } = this.settings;
    for (const lease of this.leases.keys()) {
      const count = this.keys.ofLease(lease).length;
      if (count > leaseKeysMax && count > before.ofLease(lease).length) refuse("TOO_LARGE", { leaseKeysMax });
    }
  }

  #checkRoutes(ranges: readonly KeyRange[]): void {
    const { version, routes } = this.catalog;
    for (const range of ranges) {
      const wrong = routes.find((route) => route.groupId !== GROUP && intersect(route, range));
      if (wrong !== undefined) refuse("WRONG_ROUTE", { catalogVersion: version, group: wrong.groupId });
    }
  }
}

export interface Summary {
  readonly index: number;
  readonly revision: number;
  readonly floor: number;
  readonly keys: readonly unknown[];
  readonly logTimeMs: number;
  readonly nextDueMs: number | null;
  readonly leases: readonly {
    readonly lease: number;
    readonly ttlMs: number;
    readonly remainingMs: number;
  }[];
  readonly sessionsCount: number;
  readonly settings: Settings;
  readonly catalog: Catalog;
}

/** With its bytes as hex digits, which are quick to compare. */
export function plain({ key, value, ...counters }: KeyValue): unknown {
  return { key: hex(key), value: hex(value), ...counters };
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("hex");
}

/** Everything that a transaction names, in the order in which it is judged. */
function rangesOf(txn: Txn): KeyRange[] {
  const ofOp = (op: Op): KeyRange[] => {
    if (op.kind === "txn") return rangesOf(op);
    return [op.kind === "put" ? rangeOfKey(op.key) : op.range];
  };
  return [...txn.compares.map(({ range }) => range), ...[...txn.then, ...txn.else].flatMap(ofOp)];
}
