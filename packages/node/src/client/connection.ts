import { InvariantViolation } from "raft-ts";
import type { CommandResult } from "@raftkv/fsm";
import {
  CLOSE_PROTOCOL_ERROR,
  CLOSE_REFUSED,
  Op,
  ProtocolError,
  answerHello,
  decodeClientFrame,
  decodeHello,
  deleteReply,
  encodeLeaderNotice,
  encodeReplies,
  errorReply,
  getReply,
  isSingleKey,
  putReply,
} from "@raftkv/protocol";
import type {
  ClientRequest,
  DeleteRequest,
  GetRequest,
  LeaderHint,
  PutRequest,
  WireReply,
} from "@raftkv/protocol";
import type { WebSocket } from "ws";
import type { RequestRefusal, WriteOrigin } from "../group/client-proposal.js";
import type { Logger } from "../logger.js";
import type { KeyValueService } from "./key-value-service.js";

/** A client that sends its hello later than this is cut. */
const HELLO_MS = 5_000;
/** How long a connection that was cut may take to say goodbye. */
const CUT_MS = 1_000;

const TOO_MUCH_UNREAD: RequestRefusal = {
  code: "OVERLOADED",
  message: "too many bytes of replies wait to be read by this client",
  leader: null,
  retryAfterMs: 20,
};

export interface ClientConnectionOptions {
  readonly socket: WebSocket;
  readonly remote: string;
  readonly service: KeyValueService;
  readonly logger: Logger;
  /** Replies that a client does not read pile up in memory; past this it is cut (C7). */
  readonly unreadBytesMax: number;
  /** Asks for one `flush()` at the end of this turn. */
  readonly onReplies: (connection: ClientConnection) => void;
}

/** One client: decodes what it sends, collects the replies of a turn, and sends them as one frame. */
export class ClientConnection implements WriteOrigin {
  readonly #options: ClientConnectionOptions;
  readonly #helloTimer: NodeJS.Timeout;
  #greeted = false;
  #replies: WireReply[] = [];
  /** Bytes of values among the replies. */
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

  applied(requestId: number, result: CommandResult): void {
    if (result.kind === "put") this.#reply(putReply(requestId, result.revision));
    else if (result.kind === "delete") {
      this.#reply(deleteReply(requestId, result.revision, result.deleted));
    } else throw new InvariantViolation(`nothing asks for a ${result.kind} yet`);
  }

  refused(requestId: number, refusal: RequestRefusal): void {
    const { code, message, leader, retryAfterMs } = refusal;
    const retryable = code !== "OUTCOME_UNKNOWN";
    this.#reply(errorReply(requestId, { code, message, retryable }, { leader, retryAfterMs }));
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
    const { requests, refused } = decodeClientFrame(bytes, service.limits);
    for (const { requestId, code, message, limit } of refused) {
      this.#reply(errorReply(requestId, { code, message, retryable: false }, { limit }));
    }
    for (const request of requests) this.#serve(request);
  }

  #serve(request: ClientRequest): void {
    const { service } = this.#options;
    if (request.op === Op.put || request.op === Op.delete) {
      if (isPlainWrite(request)) service.write(request, this);
      else this.#notServed(request);
      return;
    }
    if (request.op !== Op.get || request.revision !== 0) {
      this.#notServed(request);
      return;
    }
    if (!request.linearizable) {
      this.#answerGet(request);
      return;
    }
    service.linearizableRead({
      granted: () => this.#answerGet(request),
      refused: () => this.refused(request.requestId, service.readRefusal()),
    });
  }

  #notServed({ requestId, op }: ClientRequest): void {
    const message = `operation ${op} is not served by this node in this form`;
    this.#reply(errorReply(requestId, { code: "INVALID_ARGUMENT", message, retryable: false }));
  }

  #answerGet(request: GetRequest): void {
    if (this.#closed) return;
    const { service, socket, unreadBytesMax } = this.#options;
    // A small frame of gets can ask for more than there is memory (C7). Half, so that this comes before the cut.
    if ((socket.bufferedAmount + this.#repliesBytes) * 2 > unreadBytesMax) {
      this.refused(request.requestId, TOO_MUCH_UNREAD);
      return;
    }
    const read = service.get(request.key);
    if (read === null) {
      this.refused(request.requestId, service.readRefusal());
      return;
    }
    const entry = read.entry === null ? null : { ...read.entry, lease: 0 };
    this.#reply(getReply(request.requestId, read.revision, entry));
    this.#repliesBytes += read.entry?.value.length ?? 0;
  }

  #reply(reply: WireReply): void {
    if (this.#closed) return;
    if (this.#replies.length === 0) this.#options.onReplies(this);
    this.#replies.push(reply);
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

/** What the state machine has commands for: one key, without a lease, a previous value or a session. */
function isPlainWrite(request: PutRequest | DeleteRequest): boolean {
  if (request.wantPrevious) return false;
  return request.op === Op.put ? request.lease === 0 : isSingleKey(request.range);
}
