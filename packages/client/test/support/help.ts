import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "@raftkv/client";
import type { Client, ConnectOptions, ErrorCode } from "@raftkv/client";
import { RaftKvError } from "@raftkv/client";
import { expect } from "chai";
import { stopFakeNodes } from "./fake-node.js";

const cleanups: (() => Promise<void>)[] = [];

/** A client that the `afterEach` closes. It uses no sessions, unless the test says so. */
export async function connected(options: ConnectOptions): Promise<Client> {
  const client = await connect({ sessions: false, ...options });
  cleanups.push(() => client.close());
  return client;
}

/** For an `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await stopFakeNodes();
}

/** The error with which a promise ends; its code is checked, and that it is ours. */
export async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<RaftKvError> {
  let error: unknown = null;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  expect(error, `a failure with ${code}`).to.be.instanceOf(RaftKvError);
  const ours = error as RaftKvError;
  expect(ours.code, ours.message).to.equal(code);
  return ours;
}

/** Waits until something has become true; the runner's limit is the limit. */
export async function until(what: string, isTrue: () => boolean, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** An address at which nobody listens: connections are refused at once. */
export async function deadAddress(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

/** An address that takes connections and never says a word. */
export async function blackHole(): Promise<{ readonly address: string; readonly taken: () => number }> {
  const sockets = new Set<Socket>();
  let taken = 0;
  const server = createServer((socket) => {
    taken += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, taken: () => taken };
}
