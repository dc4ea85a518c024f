import type { EndpointReport, MemberAddress, RaftKvError } from "@raftkv/protocol";
import { backoffMs } from "./backoff.js";

const REDIAL_MS = { first: 50, last: 1_000 };

/** Learned addresses that are remembered; nodes come and go over a client's life. */
const LEARNED_MAX = 64;

/** One address that may be dialled. */
export interface Endpoint {
  readonly address: string;
  /** It was given by the caller. The others were learned from nodes. */
  readonly given: boolean;
  /** Of the node that was last seen there; null while none was. */
  nodeName: string | null;
  failures: number;
  /** `performance.now()` before which it is not dialled again. */
  retryAt: number;
  /** What came of it last, for error messages. */
  said: string;
  /** The refusal that another try will not change: of another cluster, or with no version in common. */
  refusal: RaftKvError | null;
}

/** The addresses known, and how they did. */
export class Endpoints {
  readonly #byAddress = new Map<string, Endpoint>();

  constructor(given: readonly string[]) {
    for (const address of given) this.#add(address, true);
  }

  get(address: string): Endpoint {
    return this.#byAddress.get(address) ?? this.#add(address, false);
  }

  /**
   * Where the members are, as a node says. Those that were learned, and are not among them any more, are forgotten when the
   * leader says so; what the caller gave is kept.
   */
  learn(members: readonly MemberAddress[], isWhole: boolean): void {
    for (const { client, name } of members) this.get(client).nodeName ??= name;
    if (!isWhole) return;
    const known = new Set(members.map(({ client }) => client));
    for (const { address, given } of this.#byAddress.values()) {
      if (!given && !known.has(address)) this.#byAddress.delete(address);
    }
  }

  /** A connection to it failed, or was lost. */
  failed(address: string, error: RaftKvError): void {
    const endpoint = this.get(address);
    endpoint.retryAt = performance.now() + backoffMs(endpoint.failures, REDIAL_MS);
    endpoint.failures += 1;
    endpoint.said = error.message;
    endpoint.refusal = error.code === "WRONG_CLUSTER" || error.code === "UNSUPPORTED_VERSION" ? error : null;
  }

  /** It answered as a node should. */
  succeeded(address: string): void {
    const endpoint = this.get(address);
    endpoint.failures = 0;
    endpoint.refusal = null;
  }

  /** A node was just seen to be alive there: whatever came of it before does not count. */
  forgive(address: string): void {
    const endpoint = this.get(address);
    endpoint.failures = 0;
    endpoint.retryAt = 0;
  }

  /** Those that may be dialled, the most promising first; equals in random order, so that clients spread. */
  candidates(now: number, isTaken: (address: string) => boolean): readonly Endpoint[] {
    const free: { endpoint: Endpoint; draw: number }[] = [];
    for (const endpoint of this.#byAddress.values()) {
      if (endpoint.retryAt <= now && !isTaken(endpoint.address)) free.push({ endpoint, draw: Math.random() });
    }
    free.sort((a, b) => a.endpoint.failures - b.endpoint.failures || a.draw - b.draw);
    return free.map(({ endpoint }) => endpoint);
  }

  /** When the next one that is not taken may be dialled; infinity when none. */
  nextRetryAt(isTaken: (address: string) => boolean): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const endpoint of this.#byAddress.values()) {
      if (!isTaken(endpoint.address)) earliest = Math.min(earliest, endpoint.retryAt);
    }
    return earliest;
  }

  /** The refusal of the first given endpoint, if every one of them refused for good; else null. */
  refusalOfAll(): RaftKvError | null {
    let first: RaftKvError | null = null;
    for (const { given, refusal } of this.#byAddress.values()) {
      if (!given) continue;
      if (refusal === null) return null;
      first ??= refusal;
    }
    return first;
  }

  reports(): readonly EndpointReport[] {
    return [...this.#byAddress.values()].map(({ address, said }) => ({ address, said }));
  }

  #add(address: string, given: boolean): Endpoint {
    const endpoint: Endpoint = {
      address,
      given,
      nodeName: null,
      failures: 0,
      retryAt: 0,
      said: "no answer yet",
      refusal: null,
    };
    this.#byAddress.set(address, endpoint);
    if (!given) this.#forgetOldest();
    return endpoint;
  }

  #forgetOldest(): void {
    const learned = [...this.#byAddress.values()].filter((endpoint) => !endpoint.given);
    for (const { address } of learned.slice(0, -LEARNED_MAX)) this.#byAddress.delete(address);
  }
}
