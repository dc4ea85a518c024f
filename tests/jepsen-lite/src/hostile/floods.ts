import { encodeRequests, getRequest, putRequest } from "@raftkv/protocol";
import type { WireRequest } from "@raftkv/protocol";
import type { Misbehaviour } from "./misbehaviour.js";
import { RawSocket, frame } from "./raw-socket.js";
import type { Scene } from "./scene.js";

const KEY = Buffer.from("hostile/flood");
const FLOODERS = 8;
const REQUESTS_IN_FRAME = 256;

/** Clients that send one and the same frame for as long as the socket takes it, whatever is answered. */
async function flood(scene: Scene, clients: number, bytes: Buffer): Promise<void> {
  const one = async (): Promise<void> => {
    while (!scene.isOver) {
      const socket = new RawSocket(scene.target);
      socket.onFrame = () => scene.count("frames answered");
      let isOpen = await socket.hello();
      while (isOpen && !scene.isOver) {
        isOpen = await Promise.race([socket.write(bytes), scene.rest().then(() => false)]);
        if (!isOpen) break;
        scene.count("frames sent");
        await scene.breathe();
      }
      if (!scene.isOver) scene.count(await socket.ended);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
}

function frameOf(make: (id: number) => WireRequest, requests = REQUESTS_IN_FRAME): Buffer {
  return frame("binary", encodeRequests(Array.from({ length: requests }, (_, i) => make(i + 1))));
}

/** Over and over: connect, act, and be gone before the answer has come. */
async function comeAndGo(scene: Scene, act: (socket: RawSocket) => Promise<unknown>): Promise<void> {
  const one = async (): Promise<void> => {
    while (!scene.isOver) {
      const socket = new RawSocket(scene.target);
      await Promise.race([act(socket), scene.rest()]);
      socket.destroy();
      await socket.ended;
      scene.count("came and went");
      await scene.breathe();
    }
  };
  await Promise.all(Array.from({ length: FLOODERS }, one));
}

/** What keeps to the protocol and is too much. Nothing is wrong with any single one, so it is answered, in its turn. */
export const FLOODS: readonly Misbehaviour[] = [
  {
    name: "flood of puts",
    sends: `${FLOODERS} clients: frames of ${REQUESTS_IN_FRAME} puts without end`,
    logLine: null,
    mustSee: ["frames answered"],
    run: (scene) =>
      flood(
        scene,
        FLOODERS,
        frameOf((id) => putRequest(id, 5_000, KEY, Buffer.alloc(64, "v"))),
      ),
  },
  {
    name: "flood of gets",
    sends: `${FLOODERS} clients: frames of ${REQUESTS_IN_FRAME} linearizable gets without end`,
    logLine: null,
    mustSee: ["frames answered"],
    run: (scene) =>
      flood(
        scene,
        FLOODERS,
        frameOf((id) => getRequest(id, 5_000, KEY, true)),
      ),
  },
  {
    name: "flood of large puts",
    sends: `${FLOODERS} clients: frames with one put of 256 KiB without end`,
    logLine: null,
    mustSee: ["frames answered"],
    run: (scene) =>
      flood(
        scene,
        FLOODERS,
        frameOf((id) => putRequest(id, 5_000, KEY, Buffer.alloc(256 * 1024)), 1),
      ),
  },
  {
    name: "flood of refusals",
    sends: `${FLOODERS} clients: frames of ${REQUESTS_IN_FRAME} requests that nobody knows`,
    logLine: null,
    mustSee: ["frames answered"],
    run: (scene) =>
      flood(
        scene,
        FLOODERS,
        frameOf((id) => [id, 99, 0] as unknown as WireRequest),
      ),
  },
  {
    name: "flood of pings",
    sends: `${FLOODERS} clients: pings without end`,
    logLine: /it pings without end/,
    mustSee: ["closed 1002"],
    run: (scene) =>
      flood(scene, FLOODERS, Buffer.concat(Array.from({ length: 64 }, () => frame("ping", Buffer.alloc(4))))),
  },
  {
    name: "connections that come and go",
    sends: `${FLOODERS} at a time: connect and go, over and over`,
    logLine: null,
    mustSee: ["came and went"],
    run: (scene) =>
      comeAndGo(scene, (socket) => new Promise((resolve) => socket.socket.once("connect", resolve))),
  },
  {
    name: "clients that come and go",
    sends: `${FLOODERS} at a time: connect, say hello, and go, over and over`,
    logLine: null,
    mustSee: ["came and went"],
    run: (scene) => comeAndGo(scene, (socket) => socket.hello()),
  },
  {
    name: "flood of HTTP",
    sends: `${FLOODERS} at a time: GET /metrics and /v1/status?hash=true, pipelined`,
    logLine: null,
    mustSee: ["came and went"],
    run: (scene) =>
      comeAndGo(scene, async (socket) => {
        const paths = ["/metrics", "/v1/status?hash=true", "/v1/status"];
        const asked = paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: raftkv\r\n\r\n`).join("");
        await socket.write(Buffer.from(asked.repeat(2)));
        await new Promise((resolve) => socket.socket.once("data", resolve));
      }),
  },
];
