import type { CommandResult } from "@raftkv/fsm";
import {
  CLOSE_PROTOCOL_ERROR,
  CLOSE_REFUSED,
  ProtocolError,
  answerHello,
  decodeClientFrame,
  decodeHello,
  encodeLeaderNotice,
  encodeReplies,
  errorReply,
  replyBytes,
} from "@raftkv/protocol";
import type { LeaderHint, WireReply } from "@raftkv/protocol";
import type { WebSocket } from "ws";
import type { RequestRefusal } from "../group/log-proposal.js";
import type { Logger } from "../logger.js";
import type { ClientTraffic } from "../metrics/client-traffic.js";
import type { WatchOutlet } from "../watch/watcher.js";
import type { KeyValueService } from "./key-value-service.js";
import type { Asker } from "./reads.js";
import { refusalReply, resultReply } from "./replies.js";

/** A client that sends its hello later than this is cut. */
const HELLO_MS = 5_000;
/** How long a connection that was cut may take to say goodbye. */
const CUT_MS = 1_000;
/** Replies that are not held back until the turn ends. */
const FLUSH_BYTES = 1024 * 1024;

export interface ClientConnectionOptions {
  readonly socket: WebSocket;
  readonly remote: string;
  readonly service: KeyValueService;
  readonly logger: Logger;
  readonly traffic: ClientTraffic;
  /** Replies that a client does not read pile up in memory; past this it is cut (C7). */
  readonly unreadBytesMax: number;
  /** Asks for one `flush()` at the end of this turn. */
  readonly onReplies: (connection: ClientConnection) => void;
}

/** One client: decodes what it sends, collects the replies of a turn, and sends them as one frame. */
export class ClientConnection implements Asker, WatchOutlet {
  readonly #options: ClientConnectionOptions;
  readonly #helloTimer: NodeJS.Timeout;
  #greeted = false;
  #replies: WireReply[] = [];
  /** Bytes of keys and values among the replies. */
  #repliesBytes = 0;
  #closed = false;

  constructor(options: ClientConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#helloTimer = setTimeout(() => this.#cut("no hello came"), HELLO_MS);
    socket.on("message", (data, isBinary) => {
      if (isBinary) this.#received(data as Buffer);
      else this.#cut("text frames are not of this protocol");
    });
    socket.on("error", (error) => this.#cut(error.message));
    socket.on("close", () => {
      this.#closed = true;
      clearTimeout(this.#helloTimer);
      options.service.disconnected(this);
    });
  }

  /** Sends the replies of this turn. */
  flush(): void {
    const replies = this.#replies;
    if (replies.length === 0) return;
    this.#replies = [];
    this.#repliesBytes = 0;
    if (this.#closed) return;
    const { socket, service, unreadBytesMax } = this.#options;
    for (const frame of encodeReplies(replies, service.limits.frameBytes)) socket.send(frame);
    if (socket.bufferedAmount > unreadBytesMax) this.#cut("it does not read its replies");
  }

  tellLeader(leader: LeaderHint | null): void {
    if (this.#greeted && !this.#closed) this.#options.socket.send(encodeLeaderNotice(leader));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Half of what it may leave unread, so that this comes before the cut. */
  get isBehind(): boolean {
    return this.unsentBytes * 2 > this.#options.unreadBytesMax;
  }

  get unsentBytes(): number {
    return this.#options.socket.bufferedAmount + this.#repliesBytes;
  }

  answer(reply: WireReply, bytes: number): void {
    if (this.#closed) return;
    this.#options.traffic.replied(reply);
    if (this.#replies.length === 0) this.#options.onReplies(this);
    this.#replies.push(reply);
    this.#repliesBytes += bytes;
    if (this.#repliesBytes > FLUSH_BYTES) this.flush();
  }

  send(frame: Buffer): void {
    this.flush();
    if (!this.#closed) this.#options.socket.send(frame);
  }

  applied(requestId: number, result: CommandResult): void {
    const reply = resultReply(requestId, result);
    this.answer(reply, result.kind === "put" && result.previous === null ? 0 : replyBytes(reply));
  }

  refused(requestId: number, refusal: RequestRefusal): void {
    this.answer(refusalReply(requestId, refusal), 0);
  }

  #received(bytes: Buffer): void {
    // What still comes of a client that was cut is not looked at.
    if (this.#closed) return;
    try {
      if (!this.#greeted) this.#greet(bytes);
      else this.#request(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#cut(error.message);
    }
  }

  #greet(bytes: Buffer): void {
    clearTimeout(this.#helloTimer);
    const { service, socket, logger, remote } = this.#options;
    const { answer, bytes: reply } = answerHello(decodeHello(bytes), service.identity());
    socket.send(reply);
    if (answer.accepted) {
      this.#greeted = true;
      return;
    }
    logger.warn({ remote, code: answer.error.code }, `refused a client: ${answer.error.message}`);
    socket.close(CLOSE_REFUSED);
  }

  #request(bytes: Buffer): void {
    const { service } = this.#options;
    const { requests, refused, session } = decodeClientFrame(bytes, service.limits);
    for (const { requestId, code, message, limit } of refused) {
      this.answer(errorReply(requestId, { code, message, retryable: false }, { limit }), 0);
    }
    for (const request of requests) service.serve(request, session, this);
  }

  #cut(why: string): void {
    if (this.#closed) return;
    const { socket, logger, remote } = this.#options;
    logger.warn({ remote, why }, `cut a client's connection: ${why}`);
    this.#closed = true;
    this.#replies = [];
    // Told why if it still reads; gone soon in any case.
    socket.close(CLOSE_PROTOCOL_ERROR, why.slice(0, 100));
    setTimeout(() => socket.terminate(), CUT_MS).unref();
  }
}
