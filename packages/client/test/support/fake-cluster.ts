import type { Client, ConnectOptions } from "@raftkv/client";
import { FakeNode } from "./fake-node.js";
import { FakeState } from "./fake-state.js";
import { connected } from "./help.js";

/** Nodes over one state, the first of which leads. */
export interface FakeCluster {
  readonly state: FakeState;
  readonly nodes: readonly FakeNode[];
  readonly leader: FakeNode;
  readonly connect: (options?: Partial<ConnectOptions>) => Promise<Client>;
}

export async function fakeCluster(size = 1): Promise<FakeCluster> {
  const state = new FakeState();
  const nodes: FakeNode[] = [];
  for (let i = 1; i <= size; i += 1) nodes.push(await FakeNode.start({ name: `n${i}` }));
  const [leader, ...others] = nodes as [FakeNode, ...FakeNode[]];
  state.lead(leader, ...others);
  const endpoints = nodes.map((node) => node.address);
  const connect = (options = {}): Promise<Client> => connected({ endpoints, sessions: true, ...options });
  return { state, nodes, leader, connect };
}
