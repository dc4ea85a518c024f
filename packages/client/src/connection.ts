import type { Socket } from "node:net";
import {
  CLIENT_PATH,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  ProtocolError,
  RaftKvError,
  decodeHelloAnswer,
  decodeNodeFrame,
  encodeHello,
  encodeRequests,
  requestBytes,
  requestWeight,
  sessionCloseRequest,
  watchCancelRequest,
  withHead,
} from "@raftkv/protocol";
import type {
  LeaderHint,
  Limits,
  MemberAddress,
  NodeFrame,
  Refusal,
  Reply,
  WatchEvents,
  Welcome,
  WireRequest,
} from "@raftkv/protocol";
import { WebSocket } from "ws";
import type { RawData } from "ws";
import type { Settings } from "./options.js";
import type { PendingRequest } from "./pending-request.js";
import type { Session } from "./session.js";

/** Whom a connection tells what. Nothing is called from within a call into the connection, but `down` by `fail`. */
export interface ConnectionOwner {
  /** The node took us. Comes first, and once. */
  opened(connection: Connection, welcome: Welcome): void;
  replied(connection: Connection, replies: readonly Reply[]): void;
  leaderChanged(connection: Connection, leader: LeaderHint | null): void;
  /** Where the members are, whenever that changes. */
  membersChanged(connection: Connection, members: readonly MemberAddress[]): void;
  watched(connection: Connection, events: WatchEvents): void;
  watchEnded(connection: Connection, watchId: number, refusal: Refusal): void;
  /** `congested` was true, and is not any more. */
  roomAgain(connection: Connection): void;
  /** Comes last, and once, also without `opened` before; never after `close`. */
  down(connection: Connection, error: RaftKvError): void;
}

/** How long a node may take to answer a close before the socket is destroyed. */
const CLOSE_GRACE_MS = 500;

/** What an upgrade is refused with, in words for whoever gave the address. */
const REFUSALS: Readonly<Record<number, string>> = {
  421: "it is a node's address for other nodes: clients have one of their own",
  503: "the node has as many clients as it takes",
};

/** One connection to one node: its handshake, its frames, and whether anybody is still there. */
export class Connection {
  readonly address: string;
  /** Requests handed to this socket that have no answer yet, by number. The dispatcher's. */
  readonly inFlight = new Map<number, PendingRequest>();
  /** What the node said of itself; null until it took us. */
  welcome: Welcome | null = null;
  /** Until then (`performance.now()`) nothing that needs a leader is asked here; 0 when it may be. */
  askAgainAt = 0;
  /** Another node was heard to lead since, and this one has said nothing of it: it may never answer. */
  isSuperseded = false;
  /** Refusals in a row that made us ask later; any other answer makes it 0. */
  refusals = 0;

  readonly #settings: Settings;
  readonly #owner: ConnectionOwner;
  readonly #socket: WebSocket;
  /** What is below it; null until it is open. */
  #stream: Socket | null = null;
  #ended = false;
  #congested = false;
  #lastError: Error | null = null;
  #handshakeTimer: NodeJS.Timeout | null;
  #silenceTimer: NodeJS.Timeout | null = null;
  #heardAt = 0;
  #lookedAt = 0;

  constructor(address: string, clusterId: string | null, settings: Settings, owner: ConnectionOwner) {
    this.address = address;
    this.#settings = settings;
    this.#owner = owner;
    this.#socket = new WebSocket(`ws://${address}${CLIENT_PATH}`, {
      perMessageDeflate: false,
      maxPayload: settings.maxFrameBytes,
      // Masking keeps a script in a browser from choosing the bytes that a proxy on the way sees (RFC 6455, §10.3).
      // This is no browser: the process chooses its bytes anyway. With a zero mask `ws` skips the masking, and the
      // node the unmasking.
      generateMask: zeroMask,
    });
    this.#handshakeTimer = setTimeout(() => {
      this.fail(new RaftKvError("UNAVAILABLE", `no welcome within ${settings.connectTimeoutMs} ms`));
    }, settings.connectTimeoutMs);
    this.#socket.on("upgrade", (response) => {
      this.#stream = response.socket;
    });
    this.#socket.on("open", () => {
      this.#socket.send(
        encodeHello({
          versionMin: PROTOCOL_VERSION_MIN,
          versionMax: PROTOCOL_VERSION_MAX,
          clusterId,
          clientName: settings.clientName,
        }),
      );
    });
    this.#socket.on("message", (data, isBinary) => this.#received(data, isBinary));
    this.#socket.on("pong", () => {
      this.#heardAt = performance.now();
    });
    this.#socket.on("unexpected-response", (request, response) => {
      const { statusCode = 0 } = response;
      request.destroy();
      this.fail(
        new RaftKvError(
          "UNAVAILABLE",
          REFUSALS[statusCode] ?? `no raftkv client address: HTTP ${statusCode}`,
        ),
      );
    });
    // Kept for as long as the socket lives: an "error" nobody listens to would end the process.
    this.#socket.on("error", (error) => {
      this.#lastError = error;
    });
    this.#socket.on("close", (code, reason) => {
      const said = reason.length > 0 ? `: ${reason.toString("utf8")}` : "";
      const message = this.#lastError?.message ?? `the connection was closed with ${code}${said}`;
      this.fail(new RaftKvError("UNAVAILABLE", message, { cause: this.#lastError ?? undefined }));
    });
  }

  get isOpen(): boolean {
    return this.welcome !== null && !this.#ended;
  }

  /** More bytes wait in the socket than they should: send later, after `roomAgain` (J). */
  get congested(): boolean {
    return this.#congested;
  }

  /**
   * Hands requests to the socket, in as few frames as the node's limits and their sessions allow. From here on they
   * are sent.
   */
  send(requests: readonly PendingRequest[]): void {
    if (this.welcome === null || this.#ended || requests.length === 0) return;
    const limits: Limits = this.welcome.limits;
    const now = performance.now();
    let frame: WireRequest[] = [];
    // Undefined while the frame has nothing but reads, which go with any session; null for writes without one.
    let session: Session | null | undefined;
    let weight = 0;
    let bytes = 0;
    for (const request of requests) {
      const wire = request.toWire(now);
      const size = requestBytes(wire);
      const ownWeight = requestWeight(wire);
      const place = request.call.isWrite || request.session !== null ? request.session : undefined;
      const isOther = place !== undefined && session !== undefined && place !== session;
      if (
        frame.length > 0 &&
        (isOther || weight + ownWeight > limits.frameRequests || bytes + size > limits.frameBytes)
      ) {
        this.#sendFrame(frame, session ?? null);
        frame = [];
        session = undefined;
        weight = 0;
        bytes = 0;
      }
      frame.push(wire);
      if (place !== undefined) session = place;
      weight += ownWeight;
      bytes += size;
      request.connection = this;
      this.inFlight.set(request.id, request);
    }
    this.#sendFrame(frame, session ?? null);
  }

  /** Tells the node that the session is needed no more. Nobody waits for the answer: it would expire anyway. */
  leaveSession(session: Session, requestId: number): void {
    if (this.isWritable) this.#sendFrame([sessionCloseRequest(requestId, 0)], session);
  }

  /** Tells the node that nobody listens to a watch any more. */
  cancelWatch(watchId: number, requestId: number): void {
    if (this.isWritable) this.#sendFrame([watchCancelRequest(requestId, 0, watchId)], null);
  }

  /** Whether the socket still takes frames. One that the node is closing does not, and would drop them silently. */
  get isWritable(): boolean {
    return this.isOpen && this.#socket.readyState === WebSocket.OPEN;
  }

  /** Cuts the connection for `error`, and tells the owner. */
  fail(error: RaftKvError): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.terminate();
    this.#owner.down(this, error);
  }

  /** Leaves in good order, without a word to the owner. Resolves when the socket is gone. */
  close(): Promise<void> {
    this.#end();
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      const grace = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
      socket.once("close", () => {
        clearTimeout(grace);
        resolve();
      });
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(1000);
    });
  }

  #end(): void {
    this.#ended = true;
    if (this.#handshakeTimer !== null) clearTimeout(this.#handshakeTimer);
    if (this.#silenceTimer !== null) clearInterval(this.#silenceTimer);
    this.#handshakeTimer = null;
    this.#silenceTimer = null;
  }

  #sendFrame(frame: readonly WireRequest[], session: Session | null): void {
    const socket = this.#socket;
    const { maxBufferedBytes } = this.#settings;
    const bytes = encodeRequests(frame, session === null ? null : session.place);
    // What the node is closing takes nothing any more; who asked hears that it is down.
    if (socket.readyState !== WebSocket.OPEN) return;
    // Head and frame in one piece; `ws` would write them as two.
    this.#stream?.write(withHead(bytes, true), () => {
      if (!this.#congested || this.#ended || socket.bufferedAmount >= maxBufferedBytes) return;
      this.#congested = false;
      this.#owner.roomAgain(this);
    });
    if (socket.bufferedAmount >= maxBufferedBytes) this.#congested = true;
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#ended) return;
    this.#heardAt = performance.now();
    if (!isBinary || !Buffer.isBuffer(data)) {
      this.fail(new ProtocolError("the node sent text, where only binary messages are spoken"));
    } else if (this.welcome === null) {
      const answer = this.#decode(decodeHelloAnswer, data);
      if (answer === null) return;
      if (!answer.accepted) this.fail(answer.error);
      else if (answer.limits.frameBytes > this.#settings.maxFrameBytes)
        this.fail(this.#framesTooLarge(answer));
      else this.#open(answer);
    } else {
      const frame = this.#decode(decodeNodeFrame, data);
      if (frame === null) return;
      this.#take(frame);
    }
  }

  #take(frame: NodeFrame): void {
    switch (frame.kind) {
      case "replies":
        this.#owner.replied(this, frame.replies);
        break;
      case "leader":
        this.#owner.leaderChanged(this, frame.leader);
        break;
      case "members":
        this.#owner.membersChanged(this, frame.members);
        break;
      case "events":
        this.#owner.watched(this, frame);
        break;
      case "watchEnd":
        this.#owner.watchEnded(this, frame.watchId, frame.refusal);
        break;
    }
  }

  /** Null when the node broke the protocol; the connection is down then. */
  #decode<T>(decode: (bytes: Buffer) => T, data: Buffer): T | null {
    try {
      return decode(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail(error);
      return null;
    }
  }

  #framesTooLarge(welcome: Welcome): RaftKvError {
    return new RaftKvError(
      "PROTOCOL",
      `the node's frames may have ${welcome.limits.frameBytes} bytes, ` +
        `maxFrameBytes is ${this.#settings.maxFrameBytes}`,
    );
  }

  #open(welcome: Welcome): void {
    this.welcome = welcome;
    if (this.#handshakeTimer !== null) clearTimeout(this.#handshakeTimer);
    this.#handshakeTimer = null;
    const everyMs = Math.max(5, Math.floor(this.#settings.silenceTimeoutMs / 4));
    this.#lookedAt = performance.now();
    this.#silenceTimer = setInterval(() => this.#lookForSilence(everyMs), everyMs);
    this.#owner.opened(this, welcome);
  }

  /** A peer that vanished without a word (power, cable, SIGSTOP) leaves the connection half open: ask, then give up. */
  #lookForSilence(everyMs: number): void {
    const now = performance.now();
    const late = now - this.#lookedAt - everyMs;
    this.#lookedAt = now;
    // It was this process that stood still, and what came meanwhile is not read yet: the silence was ours.
    if (late > everyMs) this.#heardAt = now;
    const silentMs = now - this.#heardAt;
    if (silentMs >= this.#settings.silenceTimeoutMs) {
      this.fail(new RaftKvError("UNAVAILABLE", `the node was silent for ${Math.round(silentMs)} ms`));
    } else if (silentMs * 2 >= this.#settings.silenceTimeoutMs && this.isWritable) {
      this.#socket.ping();
    }
  }
}

function zeroMask(mask: Buffer): void {
  mask.fill(0);
}
