import { encodeRequests, getRequest, putRequest } from "@raftkv/protocol";
import { CUT_BY_NODE } from "./misbehaviour.js";
import type { Misbehaviour } from "./misbehaviour.js";
import { RawSocket, frame } from "./raw-socket.js";
import type { Scene } from "./scene.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const PIECE_BYTES = 256 * KIB;
const CONNECT_AT_ONCE = 256;
const GARBAGE_CLIENTS = 8;
const HEAR_MS = 1_000;
const TOGETHER_MS = 5_000;

/** Bytes that look like nothing, the same in every run. */
function garbage(length: number): Buffer {
  let state = 12_345;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    }),
  );
}

/** Over and over: acts on a new connection, and waits for the node to end it. */
async function again(scene: Scene, act: (socket: RawSocket) => Promise<unknown>): Promise<void> {
  const one = async (): Promise<void> => {
    while (!scene.isOver) {
      const socket = new RawSocket(scene.target);
      await act(socket);
      const end = await Promise.race([socket.ended, scene.rest().then(() => null)]);
      if (end !== null) scene.count(end);
      socket.destroy();
      await scene.breathe();
    }
  };
  await Promise.all(Array.from({ length: GARBAGE_CLIENTS }, one));
}

/** So many connections that stay until the node ends them, or the time is over. */
async function crowd(
  scene: Scene,
  count: number,
  act: (socket: RawSocket) => Promise<unknown>,
): Promise<void> {
  const sockets: RawSocket[] = [];
  const ends: Promise<void>[] = [];
  let left = count;
  let isDone = false;
  const one = async (): Promise<void> => {
    while (left > 0 && !scene.isOver) {
      left -= 1;
      await scene.breathe();
      const socket = new RawSocket(scene.target);
      sockets.push(socket);
      ends.push(socket.ended.then((end) => (isDone ? undefined : scene.count(end))));
      await Promise.race([act(socket), socket.ended, scene.rest()]);
      await scene.breathe();
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, CONNECT_AT_ONCE) }, one));
  await scene.rest(Promise.all(ends));
  // Those who read nothing have not heard of their end.
  for (const socket of sockets) if (socket.socket.isPaused()) socket.becomeDeaf();
  let timer: NodeJS.Timeout | undefined;
  const heard = new Promise((resolve) => {
    timer = setTimeout(resolve, HEAR_MS);
  });
  await Promise.race([Promise.all(ends), heard]);
  clearTimeout(timer);
  isDone = true;
  scene.count("still open at the end", sockets.filter(({ socket }) => !socket.destroyed).length);
  for (const socket of sockets) socket.destroy();
}

/** Piece by piece, as far as the loader's part of a core goes. */
async function inPieces(scene: Scene, socket: RawSocket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    await scene.breathe();
    if (!(await socket.write(bytes.subarray(at, at + PIECE_BYTES)))) return;
  }
}

/** All of them are there, and stay a while. */
async function together(scene: Scene, count: number): Promise<void> {
  const sockets: RawSocket[] = [];
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0 && !scene.isOver) {
      left -= 1;
      await scene.breathe();
      const socket = new RawSocket(scene.target);
      socket.answersPings = true;
      sockets.push(socket);
      if (await Promise.race([socket.hello(), scene.rest().then(() => false)])) scene.count("taken");
      else if (!scene.isOver) scene.count(await socket.ended);
      await scene.breathe();
    }
  };
  await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, one));
  await scene.rest(new Promise((resolve) => setTimeout(resolve, TOGETHER_MS)));
  scene.count("still open at the end", sockets.filter(({ socket }) => !socket.destroyed).length);
  for (const socket of sockets) socket.destroy();
}

/** What breaks a rule of the protocol, or holds what it does not use. */
export function badConnections(connections: number): readonly Misbehaviour[] {
  const crowdSize = Math.min(connections, 300);
  return [
    {
      name: "garbage instead of HTTP",
      sends: "1 KiB of garbage, over and over",
      logLine: /what came is no HTTP/,
      mustSee: ["HTTP 400"],
      run: (scene) => again(scene, (socket) => socket.write(garbage(KIB))),
    },
    {
      name: "garbage instead of a hello",
      sends: "an upgrade and a frame of garbage, over and over",
      logLine: /a first message|cut a client's connection/,
      mustSee: ["closed 1002"],
      run: (scene) =>
        again(scene, async (socket) => {
          socket.upgrade();
          await socket.write(frame("binary", garbage(KIB)));
        }),
    },
    {
      name: "garbage frames",
      sends: "a hello and a frame of garbage, over and over",
      logLine: /cut a client's connection/,
      mustSee: ["closed 1002"],
      run: (scene) =>
        again(scene, async (socket) => {
          if (await socket.hello()) await socket.write(frame("binary", garbage(4 * KIB)));
        }),
    },
    {
      name: "oversized frames",
      sends: "a hello and the head of a frame of 64 MiB, over and over",
      logLine: /cut a client's connection: Max payload size exceeded/,
      mustSee: ["closed 1009"],
      run: (scene) =>
        again(scene, async (socket) => {
          if (await socket.hello()) await socket.write(frame("binary", garbage(KIB), 64 * MIB));
        }),
    },
    {
      name: "connections without a word",
      sends: `${crowdSize} connections that send nothing`,
      logLine: /no request came in time/,
      mustSee: ["HTTP 408"],
      run: (scene) => crowd(scene, crowdSize, async () => undefined),
    },
    {
      name: "slow HTTP",
      sends: `${crowdSize} connections with a head of HTTP that does not end`,
      logLine: /no request came in time/,
      mustSee: ["HTTP 408"],
      run: (scene) =>
        crowd(scene, crowdSize, async ({ socket }) => {
          socket.write("GET /metrics HTTP/1.1\r\n");
          const timer = setInterval(() => socket.write("x: y\r\n"), 200);
          socket.once("close", () => clearInterval(timer));
        }),
    },
    {
      name: "upgrades without a hello",
      sends: `${crowdSize} WebSockets that say nothing`,
      logLine: /no hello came in time/,
      mustSee: ["closed 1002"],
      run: (scene) => crowd(scene, crowdSize, async (socket) => socket.upgrade()),
    },
    {
      name: "half-open clients",
      sends: `${crowdSize} clients that answer no ping`,
      logLine: /silent and answered no ping/,
      mustSee: ["cut"],
      run: (scene) => crowd(scene, crowdSize, (socket) => socket.hello()),
    },
    {
      name: "frames that do not end",
      sends: `${crowdSize} clients with 3.5 of the 4 MiB of a frame`,
      logLine: /frames are not whole|a frame of it did not end/,
      mustSee: ["cut"],
      run: (scene) => {
        const part = frame("binary", Buffer.alloc(3.5 * MIB), 4 * MIB);
        return crowd(scene, crowdSize, async (socket) => {
          if (await socket.hello()) await inPieces(scene, socket, part);
        });
      },
    },
    {
      name: "clients that never read",
      sends: `${crowdSize >> 1} clients that ask for 64 MiB each, and read nothing`,
      logLine: /replies wait unread|does not read its replies|silent and answered no ping/,
      mustSee: [CUT_BY_NODE],
      run: async (scene) => {
        const key = Buffer.from("hostile/large");
        const writer = new RawSocket(scene.target);
        await writer.hello();
        await writer.write(
          frame("binary", encodeRequests([putRequest(1, 5_000, key, Buffer.alloc(512 * KIB))])),
        );
        while (writer.frames === 0 && !scene.isOver) await scene.breathe();
        writer.destroy();
        const gets = Array.from({ length: 128 }, (_, i) => getRequest(i + 1, 5_000, key, true));
        const asks = frame("binary", encodeRequests(gets));
        await crowd(scene, crowdSize >> 1, async (socket) => {
          if (!(await socket.hello())) return;
          socket.socket.pause();
          await socket.write(asks);
        });
      },
    },
    {
      name: "too many connections",
      sends: `${connections} clients at once`,
      logLine: /too many clients/,
      mustSee: ["HTTP 503"],
      secondsMin: 120,
      run: (scene) => together(scene, connections),
    },
  ];
}
