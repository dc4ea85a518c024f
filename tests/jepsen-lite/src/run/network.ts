import type { Socket } from "node:net";
import { Door, readSender } from "./door.js";
import { CLEAR, Link } from "./link.js";
import type { Direction, Quality } from "./link.js";

/** Where a node itself listens. */
export interface Place {
  readonly client: string;
  readonly peer: string;
}

interface Node {
  readonly place: Place;
  readonly clients: Link;
  readonly clientDoor: Door;
  readonly peerDoor: Door;
}

const DIRECTIONS: readonly Direction[] = ["there", "back"];

/**
 * Every way that a message can take: from each node to each other one, and from the clients to each node. A node has one
 * address for all others, as the log knows it; what they dial takes the link of the two, so that each direction between two
 * nodes can be cut by itself, also when the members have changed.
 */
export class Network {
  readonly #nodes = new Map<string, Node>();
  /** By who dials and who is dialled. */
  readonly #peers = new Map<string, Link>();
  readonly #onStranger: (what: string) => void;

  /** @param onStranger somebody dialled a node of whom it cannot be said what parts the two. */
  constructor(onStranger: (what: string) => void) {
    this.#onStranger = onStranger;
  }

  /** @param beside a node that has the same ways now: what is cut off from that one is cut off from this one too. */
  async add(name: string, place: Place, beside: string | null): Promise<void> {
    const clients = new Link(place.client);
    this.#nodes.set(name, {
      place,
      clients,
      clientDoor: await Door.open((inner) => clients.take(inner)),
      peerDoor: await Door.open((inner) => this.#receive(inner, name)),
    });
    if (beside === null) return;
    copy(this.#node(beside).clients, clients);
    for (const other of this.#nodes.keys()) {
      if (other === name || other === beside) continue;
      copy(this.#peer(beside, other), this.#peer(name, other));
      copy(this.#peer(other, beside), this.#peer(other, name));
    }
  }

  has(name: string): boolean {
    return this.#nodes.has(name);
  }

  /** Where the other nodes find it. */
  peerAddress(name: string): string {
    return this.#node(name).peerDoor.address;
  }

  /** Where clients find it. */
  clientAddress(name: string): string {
    return this.#node(name).clientDoor.address;
  }

  /** What `from` sends to `to`: on the connections that it dialled, and on those that the other one did. */
  setPeer(from: string, to: string, quality: Partial<Quality>): void {
    this.#peer(from, to).set("there", quality);
    this.#peer(to, from).set("back", quality);
  }

  setClient(name: string, direction: Direction, quality: Partial<Quality>): void {
    this.#node(name).clients.set(direction, quality);
  }

  dropPeer(one: string, other: string): void {
    this.#peer(one, other).drop();
    this.#peer(other, one).drop();
  }

  dropClient(name: string): void {
    this.#node(name).clients.drop();
  }

  /**
   * Everything passes again. What waited behind a cut comes late, as after a short cut; or its connections break, as after a
   * long one.
   */
  heal({ dropHeld }: { readonly dropHeld: boolean }): void {
    for (const link of [
      ...this.#peers.values(),
      ...[...this.#nodes.values()].map(({ clients }) => clients),
    ]) {
      if (dropHeld) link.drop({ onlyHolding: true });
      for (const direction of DIRECTIONS) link.set(direction, CLEAR);
    }
  }

  async close(): Promise<void> {
    const doors = [...this.#nodes.values()].flatMap(({ clientDoor, peerDoor }) => [clientDoor, peerDoor]);
    await Promise.all(doors.map((door) => door.close()));
    for (const link of this.#peers.values()) link.drop();
    for (const { clients } of this.#nodes.values()) clients.drop();
  }

  #receive(inner: Socket, to: string): void {
    const onStranger = (why: string): void => {
      inner.destroy();
      this.#onStranger(`a connection to ${to} ${why}`);
    };
    readSender(inner, {
      onSender: (from) => {
        if (from === to || !this.has(from)) onStranger(`is of ${from}`);
        else this.#peer(from, to).take(inner);
      },
      onStranger,
    });
  }

  #peer(from: string, to: string): Link {
    const key = `${from} ${to}`;
    const link = this.#peers.get(key) ?? new Link(this.#node(to).place.peer);
    this.#peers.set(key, link);
    return link;
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no ${name}`);
    return node;
  }
}

function copy(from: Link, into: Link): void {
  for (const direction of DIRECTIONS) into.set(direction, from.quality(direction));
}
