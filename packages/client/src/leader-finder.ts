import { RaftKvError } from "@raftkv/protocol";
import type {
  EndpointReport,
  ErrorReply,
  LeaderHint,
  Limits,
  MemberAddress,
  Refusal,
  Reply,
  WatchEvents,
  Welcome,
} from "@raftkv/protocol";
import { backoffMs } from "./backoff.js";
import { Connection } from "./connection.js";
import type { ConnectionOwner } from "./connection.js";
import { Endpoints } from "./endpoints.js";
import type { Settings } from "./options.js";
import { wantedWaitMs } from "./retry.js";

/** How long a node that cannot serve now is left alone, unless it says so itself. */
const ASK_AGAIN_MS = { first: 20, last: 400 };

/**
 * Kinds of requests, by who can serve them: writes the leader alone; linearizable gets any node that has a leader to
 * ask; serializable gets any node.
 */
export type Route = "write" | "linearizable" | "serializable";

/** Whom the leader finder tells what. */
export interface LeaderFinderOwner {
  /** Requests that found nobody may find somebody now. */
  tryAgain(): void;
  replied(connection: Connection, replies: readonly Reply[]): void;
  /** What was in flight there stays in `connection.inFlight`, and gets no answer any more. */
  lost(connection: Connection, error: RaftKvError): void;
  /** Another node leads now: this one may never answer what only the leader can. */
  superseded(connection: Connection): void;
  /** It is being left, with nothing in flight. */
  left(connection: Connection): void;
  watched(connection: Connection, events: WatchEvents): void;
  watchEnded(watchId: number, refusal: Refusal): void;
}

/**
 * Knows whom to ask. It keeps one connection to the leader and one to another node, which tells of the next leader
 * also when this one falls silent; dials what it needs to find them, and drops the rest. When one endpoint alone was
 * given, a connection to it is kept as well: gets are served there.
 */
export class LeaderFinder implements ConnectionOwner {
  readonly #settings: Settings;
  readonly #owner: LeaderFinderOwner;
  readonly #endpoints: Endpoints;
  /** Connections by address, those that are still being made included. */
  readonly #connections = new Map<string, Connection>();
  /** Where gets are served when the caller gave just one endpoint. */
  readonly #home: string | null;
  #clusterId: string | null;
  #leader: LeaderHint | null = null;
  /** The highest term of which a leader was heard: hints of older terms are stale. */
  #leaderTerm = 0;
  #limits: Limits | null = null;
  /** `performance.now()` before which no second endpoint is tried beside the one being dialled. */
  #nextDialAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #isTaken = (address: string): boolean => this.#connections.has(address);

  constructor(settings: Settings, owner: LeaderFinderOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#endpoints = new Endpoints(settings.endpoints);
    this.#home = settings.endpoints.length === 1 ? (settings.endpoints[0] ?? null) : null;
    this.#clusterId = settings.clusterId;
  }

  /** Limits that the last node to take us told; null before the first did. */
  get limits(): Limits | null {
    return this.#limits;
  }

  /** What every endpoint said last. */
  get reports(): readonly EndpointReport[] {
    return this.#endpoints.reports();
  }

  /** Set when no given endpoint will ever take us. */
  get refusalOfAll(): RaftKvError | null {
    return this.#endpoints.refusalOfAll();
  }

  /** Where requests of a kind go, or null when there is nobody to ask now. */
  connectionFor(route: Route): Connection | null {
    const home = route === "write" ? null : this.#homeConnection();
    if (route === "serializable") {
      const other = this.#leaderConnection() ?? this.#firstOpen((connection) => !connection.isSuperseded);
      return home ?? other ?? this.#firstOpen(() => true);
    }
    // A node that cannot serve now, as one that has just been started, keeps nobody from the leader.
    if (home !== null && mayAsk(home)) return home;
    const leader = this.#leaderConnection();
    if (leader !== null) return mayAsk(leader) ? leader : null;
    if (this.#leader !== null && this.#connections.has(this.#leader.address)) return null; // being dialled
    // No leader that can be reached is known. Whoever is there refuses with a hint, which costs one round trip.
    const current = this.#firstOpen((connection) => mayAsk(connection) && !connection.isSuperseded);
    return current ?? (this.#leader === null ? this.#firstOpen(mayAsk) : null);
  }

  /**
   * Dials what is missing. Attempts race: each has a head start over the next, so that an endpoint that does not
   * answer costs that and not its whole timeout, and one that refuses costs nothing.
   */
  seek(): void {
    if (this.#closed) return;
    const now = performance.now();
    const leader = this.#leaderConnection();
    if (leader !== null && mayAsk(leader)) {
      const standby = this.#standby(leader);
      this.#dropSpare(leader, standby);
      if (this.#home !== null && this.#mayDial(this.#home, now)) this.#dial(this.#home);
      else if (standby === null) this.#dialStandby(leader, now);
    } else if (now >= this.#nextDialAt) {
      const address = this.#nextToDial(now);
      if (address !== null) {
        this.#nextDialAt = now + this.#settings.headStartMs;
        this.#dial(address);
      }
    }
    this.#wakeUp();
  }

  /**
   * A node refused for what it is, not for what was asked: learn from it, and leave it alone for a moment. The caller
   * has a request left to send, and so comes back to `seek`.
   */
  refused(connection: Connection, reply: ErrorReply): void {
    const now = performance.now();
    if (mayAsk(connection)) {
      connection.askAgainAt = now + (wantedWaitMs(reply) ?? backoffMs(connection.refusals, ASK_AGAIN_MS));
      connection.refusals += 1;
      this.#endpoints.get(connection.address).said = `${reply.code}: ${reply.message}`;
    }
    if (reply.code === "NOT_LEADER" && this.#leaderConnection() === connection) this.#leader = null;
    this.#learn(reply.leader, connection);
  }

  opened(connection: Connection, welcome: Welcome): void {
    if (this.#clusterId !== null && welcome.clusterId !== "" && welcome.clusterId !== this.#clusterId) {
      const message = `node ${welcome.nodeName} is of cluster ${welcome.clusterId}, not ${this.#clusterId}`;
      connection.fail(new RaftKvError("WRONG_CLUSTER", message));
      return;
    }
    // A node whose cluster has not formed is of none yet, and says nothing about which one it will be.
    if (welcome.clusterId !== "") this.#clusterId = welcome.clusterId;
    this.#limits = welcome.limits;
    const endpoint = this.#endpoints.get(connection.address);
    endpoint.nodeName = welcome.nodeName;
    endpoint.said =
      `node ${welcome.nodeName} answers` + (welcome.leader === null ? ", and knows of no leader" : "");
    this.#learn(welcome.leader, connection);
    this.membersChanged(connection, welcome.members);
    this.#owner.tryAgain();
  }

  membersChanged(connection: Connection, members: readonly MemberAddress[]): void {
    this.#endpoints.learn(members, connection === this.#leaderConnection());
    this.seek();
  }

  replied(connection: Connection, replies: readonly Reply[]): void {
    this.#endpoints.succeeded(connection.address);
    this.#owner.replied(connection, replies);
    if (connection.inFlight.size === 0 && connection !== this.#leaderConnection()) this.seek();
  }

  leaderChanged(connection: Connection, leader: LeaderHint | null): void {
    if (leader === null) {
      // It stepped down. A follower that has lost its leader says nothing about where the leader is.
      if (this.#leaderConnection() === connection) this.#leader = null;
    } else {
      this.#learn(leader, connection);
    }
    this.seek();
    this.#owner.tryAgain();
  }

  watched(connection: Connection, events: WatchEvents): void {
    this.#owner.watched(connection, events);
  }

  watchEnded(_connection: Connection, watchId: number, refusal: Refusal): void {
    this.#owner.watchEnded(watchId, refusal);
  }

  roomAgain(): void {
    this.#owner.tryAgain();
  }

  down(connection: Connection, error: RaftKvError): void {
    if (this.#leader !== null && this.#isLeader(connection, this.#leader)) this.#leader = null;
    this.#connections.delete(connection.address);
    this.#endpoints.failed(connection.address, error);
    this.#nextDialAt = 0;
    this.#owner.lost(connection, error);
    this.seek();
    this.#owner.tryAgain();
  }

  /** Resolves when all sockets are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.all(connections.map((connection) => connection.close()));
  }

  /** Takes a hint over, unless it is stale. */
  #learn(hint: LeaderHint | null, teller: Connection): void {
    if (hint === null || hint.term < this.#leaderTerm) return;
    teller.isSuperseded = false;
    const isNews = hint.term > this.#leaderTerm;
    this.#leader = hint;
    this.#leaderTerm = hint.term;
    if (!isNews) return;
    // It has just won an election, so it is alive, and what it refused before it may take now.
    this.#endpoints.forgive(hint.address);
    this.#endpoints.get(hint.address).nodeName = hint.name;
    this.#nextDialAt = 0;
    const leader = this.#leaderConnection();
    if (leader !== null) {
      leader.askAgainAt = 0;
      leader.isSuperseded = false;
    }
    for (const connection of this.#connections.values()) {
      if (connection === leader || connection === teller || !connection.isOpen) continue;
      if (connection.address === this.#home) continue;
      connection.isSuperseded = true;
      this.#owner.superseded(connection);
    }
  }

  #isLeader(connection: Connection, leader: LeaderHint): boolean {
    // By name as well: one node can be reached under several addresses, and needs no second connection.
    return connection.address === leader.address || connection.welcome?.nodeName === leader.name;
  }

  #leaderConnection(): Connection | null {
    const leader = this.#leader;
    return leader === null ? null : this.#firstOpen((connection) => this.#isLeader(connection, leader));
  }

  #homeConnection(): Connection | null {
    const home = this.#home === null ? undefined : this.#connections.get(this.#home);
    return home !== undefined && home.isOpen ? home : null;
  }

  #firstOpen(accept: (connection: Connection) => boolean): Connection | null {
    for (const connection of this.#connections.values()) {
      if (connection.isOpen && accept(connection)) return connection;
    }
    return null;
  }

  /** The leader's address if it may be dialled, else the best other one. */
  #nextToDial(now: number): string | null {
    const leader = this.#leader;
    if (leader !== null && this.#leaderConnection() === null && this.#mayDial(leader.address, now)) {
      return leader.address;
    }
    return this.#endpoints.candidates(now, this.#isTaken)[0]?.address ?? null;
  }

  #mayDial(address: string, now: number): boolean {
    return !this.#isTaken(address) && this.#endpoints.get(address).retryAt <= now;
  }

  #dial(address: string): void {
    this.#connections.set(address, new Connection(address, this.#clusterId, this.#settings, this));
  }

  /** The connection besides the leader's that is kept, also one that is still being made; null when there is none. */
  #standby(leader: Connection): Connection | null {
    let dialling: Connection | null = null;
    for (const connection of this.#connections.values()) {
      if (connection === leader || connection.welcome?.nodeName === leader.welcome?.nodeName) continue;
      if (connection.isSuperseded) continue;
      if (connection.isOpen) return connection;
      dialling ??= connection;
    }
    return dialling;
  }

  #dialStandby(leader: Connection, now: number): void {
    const address = this.#endpoints.candidates(now, this.#isNoStandby(leader))[0]?.address;
    if (address !== undefined) this.#dial(address);
  }

  /** Whether an address is connected, or is the leader's under another name. */
  #isNoStandby(leader: Connection): (address: string) => boolean {
    return (address) =>
      this.#isTaken(address) || this.#endpoints.get(address).nodeName === leader.welcome?.nodeName;
  }

  /** With the leader and one more at hand nobody is needed, but for home, and for what still has an answer to come. */
  #dropSpare(leader: Connection, standby: Connection | null): void {
    for (const connection of this.#connections.values()) {
      if (connection === leader || connection === standby || connection.address === this.#home) continue;
      if (connection.inFlight.size > 0) continue;
      this.#connections.delete(connection.address);
      this.#owner.left(connection);
      void connection.close();
    }
  }

  /** Sets the timer to when something can be dialled or asked again. */
  #wakeUp(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const now = performance.now();
    let at = Number.POSITIVE_INFINITY;
    const leader = this.#leaderConnection();
    if (leader === null || !mayAsk(leader)) {
      at = Math.max(this.#nextDialAt, this.#endpoints.nextRetryAt(this.#isTaken));
    } else if (this.#home !== null && !this.#isTaken(this.#home)) {
      at = this.#endpoints.get(this.#home).retryAt;
    } else if (this.#standby(leader) === null) {
      at = this.#endpoints.nextRetryAt(this.#isNoStandby(leader));
    }
    for (const connection of this.#connections.values()) {
      if (!mayAsk(connection)) at = Math.min(at, connection.askAgainAt);
    }
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#endPauses();
        this.seek();
        this.#owner.tryAgain();
      },
      Math.max(1, Math.ceil(at - now)),
    );
  }

  /** Only here a pause comes to its end, so that none ends unnoticed, with requests left waiting behind it. */
  #endPauses(): void {
    const now = performance.now();
    for (const connection of this.#connections.values()) {
      if (connection.askAgainAt <= now) connection.askAgainAt = 0;
    }
  }
}

function mayAsk(connection: Connection): boolean {
  return connection.askAgainAt === 0;
}
