import type { Socket } from "node:net";
import { WebSocket } from "ws";
import {
  PEER_NAME_HEADER,
  PEER_PATH,
  PEER_VERSION_MAX,
  PEER_VERSION_MIN,
  decodePeerWelcome,
  encodePeerHello,
  withHead,
} from "@raftkv/protocol";
import type { Lane, PackedFrame, PeerIdentity } from "@raftkv/protocol";
import type { Logger } from "../logger.js";

const HANDSHAKE_MS = 3_000;
const PING_MS = 1_000;
/** Pings without an answer after which a connection counts as dead: the other end may be gone without a word. */
const PINGS_UNANSWERED_MAX = 3;
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1_000;
/** Raft's own window is far below; what goes over it is dropped, and Raft sends it again. */
const BUFFERED_BYTES_MAX = 64 * 1024 * 1024;

export interface LaneOptions {
  readonly lane: Lane;
  /** Of this node. */
  readonly name: string;
  readonly peerName: string;
  readonly address: string;
  readonly frameBytesMax: number;
  readonly logger: Logger;
  readonly identity: () => PeerIdentity;
  /** Judges the other's answer; null takes it. */
  readonly meet: (peer: PeerIdentity) => string | null;
  /** The other does not take this node. */
  readonly onRefused: (code: string) => void;
  readonly onUp: (peer: PeerIdentity) => void;
  readonly onDown: () => void;
}

/** A zero mask leaves the bytes as they are, and both ends skip the work. Masks guard proxies against browsers only. */
function zeroMask(mask: Buffer): void {
  mask.fill(0);
}

/** One dialled connection, over which this node sends to one peer; it dials again for as long as it is open. */
export class LaneConnection {
  readonly #options: LaneOptions;
  #socket: WebSocket | null = null;
  /** What is below that one, once it is there. */
  #stream: Socket | null = null;
  #up = false;
  #closed = false;
  #retryMs = RETRY_MS_MIN;
  #retryTimer: NodeJS.Timeout | null = null;
  /** The last try ended by a word of one of the two ends. */
  #wasRefused = false;
  #pingTimer: NodeJS.Timeout | null = null;
  #pingsUnanswered = 0;
  /** The last complaint that was logged: the same one is not told twice in a row. */
  #complaint: string | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  dial(): void {
    this.#retryTimer = null;
    this.#wasRefused = false;
    const { address, frameBytesMax, name } = this.#options;
    const socket = new WebSocket(`ws://${address}${PEER_PATH}`, {
      headers: { [PEER_NAME_HEADER]: name },
      perMessageDeflate: false,
      maxPayload: frameBytesMax,
      handshakeTimeout: HANDSHAKE_MS,
      generateMask: zeroMask,
    });
    this.#socket = socket;
    socket.on("upgrade", (response) => {
      if (socket === this.#socket) this.#stream = response.socket;
    });
    socket.on("open", () => {
      const { identity, lane, peerName } = this.#options;
      socket.send(
        encodePeerHello({
          ...identity(),
          versionMin: PEER_VERSION_MIN,
          versionMax: PEER_VERSION_MAX,
          to: peerName,
          lane,
        }),
      );
      this.#startPings(socket);
    });
    socket.on("message", (data) => this.#answered(socket, data as Buffer));
    socket.on("pong", () => {
      this.#pingsUnanswered = 0;
    });
    socket.on("error", (error) => this.#complain(error.message));
    socket.on("close", () => this.#lost(socket));
  }

  /** Returns false when the bytes were dropped: Raft expects a network that loses. */
  send(frame: PackedFrame): boolean {
    if (!this.#up || this.#socket === null || this.#stream === null) return false;
    if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > BUFFERED_BYTES_MAX)
      return false;
    // Head and frame in one piece; `ws` would write them as two.
    this.#stream.write(withHead(frame, true));
    return true;
  }

  /** Gives up the connection, if there is one, for a new one with a new handshake. */
  redial(): void {
    this.#retryMs = RETRY_MS_MIN;
    this.#socket?.terminate();
  }

  /**
   * The other end has just dialled, so it is there: what waits for its next try, up to a second and a half, dials now. Not
   * behind a refusal, which would only come again.
   */
  hurry(): void {
    if (this.#retryTimer === null || this.#wasRefused) return;
    clearTimeout(this.#retryTimer);
    this.dial();
  }

  close(): void {
    this.#closed = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#socket?.terminate();
  }

  #answered(socket: WebSocket, data: Buffer): void {
    if (socket !== this.#socket || this.#up) return;
    try {
      const welcome = decodePeerWelcome(data);
      if (!welcome.accepted) {
        this.#refused(socket, welcome.message);
        this.#options.onRefused(welcome.code);
        return;
      }
      const refusal = this.#options.meet(welcome);
      if (refusal !== null) {
        this.#refused(socket, refusal);
        return;
      }
      this.#up = true;
      this.#complaint = null;
      this.#retryMs = RETRY_MS_MIN;
      this.#options.onUp(welcome);
    } catch (error) {
      this.#refused(socket, (error as Error).message);
    }
  }

  #refused(socket: WebSocket, message: string): void {
    this.#retryMs = RETRY_MS_MAX;
    this.#wasRefused = true;
    this.#complain(message);
    socket.terminate();
  }

  #complain(message: string): void {
    if (message === this.#complaint || this.#closed) return;
    this.#complaint = message;
    const { address, lane, logger, peerName } = this.#options;
    logger.warn({ peer: peerName, address, lane }, `no connection to ${peerName}: ${message}`);
  }

  #startPings(socket: WebSocket): void {
    this.#pingsUnanswered = 0;
    this.#pingTimer = setInterval(() => {
      if (this.#pingsUnanswered >= PINGS_UNANSWERED_MAX) {
        this.#complain("it does not answer any more");
        socket.terminate();
        return;
      }
      this.#pingsUnanswered += 1;
      socket.ping();
    }, PING_MS);
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#stream = null;
    if (this.#pingTimer !== null) clearInterval(this.#pingTimer);
    const wasUp = this.#up;
    this.#up = false;
    if (this.#closed) return;
    if (wasUp) this.#options.onDown();
    // Jitter keeps the members from dialling in step.
    const delay = this.#retryMs * (0.5 + Math.random());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
    this.#retryTimer = setTimeout(() => this.dial(), delay);
  }
}
