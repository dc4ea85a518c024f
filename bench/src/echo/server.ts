// A node of the bare echo: what three processes can do with ws and msgpackr when there is no log, no consensus, no store.
// The first passes each frame on to the two others and answers once one of them has. `server.js PORT [FOLLOWER_PORT …]`.
import { WebSocket, WebSocketServer } from "ws";
import { SOCKET_OPTIONS, decodeAnswers, decodeRequests, encode } from "./frames.js";
import type { Answers, Requests } from "./frames.js";

const [port = 0, ...followerPorts] = process.argv.slice(2).map(Number);

interface Waiting {
  readonly socket: WebSocket;
  readonly answers: Answers;
}

/** Requests of one turn from all connections, passed on as one frame. */
let turn: { readonly requests: Requests[]; readonly waiting: Waiting[] } | null = null;
const inFlight = new Map<number, Waiting[]>();
let frames = 0;

const followers = await Promise.all(
  followerPorts.map(
    (follower) =>
      new Promise<WebSocket>((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${follower}`, SOCKET_OPTIONS);
        socket.once("open", () => resolve(socket));
        socket.once("error", reject);
        socket.on("message", (data: Buffer) => acknowledged(decodeAnswers(data)[0] as number));
      }),
  ),
);

/** The first follower's word makes a majority; the second finds nothing to do. */
function acknowledged(frame: number): void {
  const waiting = inFlight.get(frame);
  if (waiting === undefined) return;
  inFlight.delete(frame);
  for (const { socket, answers } of waiting) socket.send(encode(answers));
}

function passOn(): void {
  const { requests, waiting } = turn as NonNullable<typeof turn>;
  turn = null;
  frames += 1;
  inFlight.set(frames, waiting);
  const frame = encode([[frames, "", new Uint8Array(0)], ...requests.flat()]);
  for (const follower of followers) follower.send(frame);
}

const server = new WebSocketServer({ host: "127.0.0.1", port, ...SOCKET_OPTIONS });
server.on("connection", (socket) => {
  socket.on("message", (data: Buffer) => {
    const requests = decodeRequests(data);
    if (followers.length === 0) {
      socket.send(encode([requests[0]?.[0] as number]));
      return;
    }
    if (turn === null) {
      turn = { requests: [], waiting: [] };
      setImmediate(passOn);
    }
    turn.requests.push(requests);
    turn.waiting.push({ socket, answers: requests.map(([id]) => id) });
  });
});
server.once("listening", () => process.stdout.write("ready\n"));
