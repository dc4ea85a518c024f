import { CLEAR, Link } from "./link.js";
import type { Direction, Quality } from "./link.js";

/** Where the nodes themselves listen. */
export interface Places {
  readonly names: readonly string[];
  endpoint(name: string): string;
  peerEndpoint(name: string): string;
}

/**
 * Every way that a message can take: from each node to each other one, and from the clients to each node. A node dials
 * the others through links of its own, so that each direction between two nodes can be cut by itself.
 */
export class Network {
  readonly names: readonly string[];
  readonly #peers: ReadonlyMap<string, Link>;
  readonly #clients: ReadonlyMap<string, Link>;

  private constructor(
    names: readonly string[],
    peers: ReadonlyMap<string, Link>,
    clients: ReadonlyMap<string, Link>,
  ) {
    this.names = names;
    this.#peers = peers;
    this.#clients = clients;
  }

  static async between(places: Places): Promise<Network> {
    const { names } = places;
    const peers = new Map<string, Link>();
    const clients = new Map<string, Link>();
    for (const name of names) {
      clients.set(name, await Link.to(places.endpoint(name)));
      for (const from of names)
        if (from !== name) peers.set(`${from} ${name}`, await Link.to(places.peerEndpoint(name)));
    }
    return new Network(names, peers, clients);
  }

  /** Where `from` finds `to`. */
  peerAddress(from: string, to: string): string {
    return this.#peer(from, to).address;
  }

  /** Where clients find it. */
  clientAddress(name: string): string {
    return this.#client(name).address;
  }

  /** What `from` sends to `to`: on the connections that it dialled, and on those that the other one did. */
  setPeer(from: string, to: string, quality: Partial<Quality>): void {
    this.#peer(from, to).set("there", quality);
    this.#peer(to, from).set("back", quality);
  }

  setClient(name: string, direction: Direction, quality: Partial<Quality>): void {
    this.#client(name).set(direction, quality);
  }

  dropPeer(one: string, other: string): void {
    this.#peer(one, other).drop();
    this.#peer(other, one).drop();
  }

  dropClient(name: string): void {
    this.#client(name).drop();
  }

  /**
   * Everything passes again. What waited behind a cut comes late, as after a short cut; or its connections break, as after a
   * long one.
   */
  heal({ dropHeld }: { readonly dropHeld: boolean }): void {
    for (const link of [...this.#peers.values(), ...this.#clients.values()]) {
      if (dropHeld) link.drop({ onlyHolding: true });
      link.set("there", CLEAR);
      link.set("back", CLEAR);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#peers.values(), ...this.#clients.values()].map((link) => link.close()));
  }

  #peer(from: string, to: string): Link {
    const link = this.#peers.get(`${from} ${to}`);
    if (link === undefined) throw new Error(`there is no link from ${from} to ${to}`);
    return link;
  }

  #client(name: string): Link {
    const link = this.#clients.get(name);
    if (link === undefined) throw new Error(`there is no ${name}`);
    return link;
  }
}
