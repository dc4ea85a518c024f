import { WebSocket } from "ws";
import type { Target } from "../loader/target.js";
import { SOCKET_OPTIONS, decodeAnswers, encode } from "./frames.js";
import type { Requests } from "./frames.js";

/** One connection to the bare echo; the puts of one turn go in one frame, as raftkv's client sends them. */
export function connectEcho(endpoint: string): Promise<Target> {
  const socket = new WebSocket(`ws://${endpoint}`, SOCKET_OPTIONS);
  const waiting = new Map<number, () => void>();
  let queued: [number, string, Uint8Array][] = [];
  let count = 0;
  const flush = (): void => {
    const requests: Requests = queued;
    queued = [];
    socket.send(encode(requests));
  };
  socket.on("message", (data: Buffer) => {
    for (const id of decodeAnswers(data)) {
      waiting.get(id)?.();
      waiting.delete(id);
    }
  });
  const put = (key: string, value: Uint8Array): Promise<void> => {
    if (queued.length === 0) setImmediate(flush);
    count += 1;
    queued.push([count, key, value]);
    const id = count;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
    });
  };
  const target: Target = {
    client: null,
    put,
    get: (key) => put(key, new Uint8Array(0)),
    close: () =>
      new Promise((resolve) => {
        socket.once("close", () => resolve());
        socket.close();
      }),
  };
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(target));
    socket.once("error", reject);
  });
}
