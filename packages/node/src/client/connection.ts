import type { Socket } from "node:net";
import type { CommandResult } from "@raftkv/fsm";
import {
  CLOSE_PROTOCOL_ERROR,
  CLOSE_REFUSED,
  CLOSE_TRY_LATER,
  ProtocolError,
  answerHello,
  decodeHello,
  encodeLeaderNotice,
  encodeReplies,
  errorReply,
  replyBytes,
  withHead,
} from "@raftkv/protocol";
import type { ClientRequest, LeaderHint, PackedFrame, SessionPlace, WireReply } from "@raftkv/protocol";
import { WebSocket } from "ws";
import type { RequestRefusal } from "../group/log-proposal.js";
import type { ClientTraffic } from "../metrics/client-traffic.js";
import type { RepeatedLines } from "../repeated-lines.js";
import type { WatchOutlet } from "../watch/watcher.js";
import type { FairShare } from "./fair-share.js";
import { Inbox } from "./inbox.js";
import type { KeyValueService } from "./key-value-service.js";
import type { Pressing } from "./press-gate.js";
import type { Reader, ReadTurns } from "./read-turns.js";
import type { Asker } from "./reads.js";
import { refusalReply, resultReply } from "./replies.js";

/** How long a connection that was cut may take to say goodbye. */
const CUT_MS = 1_000;
/** Replies that are not held back until the turn ends. */
const FLUSH_BYTES = 1024 * 1024;
/** Unread replies that are everybody's right, however many clients do not read theirs. */
const UNREAD_BYTES_MIN = 256 * 1024;
/** Of a client's ping or pong: kind, length and mask (RFC 6455, 5.2). */
const CONTROL_HEAD_BYTES = 6;
/** Pings between two looks; a client needs one now and then. */
const PINGS_MAX = 100;

const TOO_LATE: RequestRefusal = {
  code: "OVERLOADED",
  message: "its deadline passed while it waited behind others of this client: nothing was done",
  retryAfterMs: 100,
};

/** What a connection needs of the listener that it came through. */
export interface ConnectionHost {
  readonly service: KeyValueService;
  readonly traffic: ClientTraffic;
  readonly share: FairShare;
  readonly readTurns: ReadTurns;
  readonly lines: RepeatedLines;
  readonly handshakeMs: number;
  /** Replies that a client does not read pile up in memory; past this it is cut (C7). */
  readonly unreadBytesMax: number;
  /** So much is unread over the whole node that those who have a part in it get no more. */
  readonly isCrowded: () => boolean;
  /** It said hello. False: there are too many clients. */
  readonly onGreeted: (connection: ClientConnection) => boolean;
  /** Asks for one `turnEnded()` at the end of this turn. */
  readonly onReplies: (connection: ClientConnection) => void;
  readonly onSent: (bytes: number) => void;
  readonly onReceived: (bytes: number) => void;
  readonly onCut: () => void;
}

/** One client: decodes what it sends, collects the replies of a turn, and sends them as one frame. */
export class ClientConnection implements Asker, Pressing, Reader, WatchOutlet {
  readonly socket: Socket;
  turn = 0;
  turnBytes = 0;
  largeAnswerAtMs: number | null = null;
  readonly #host: ConnectionHost;
  readonly #webSocket: WebSocket;
  readonly #remote: string;
  readonly #helloTimer: NodeJS.Timeout;
  readonly #inbox: Inbox;
  #greeted = false;
  #replies: WireReply[] = [];
  /** Bytes of keys and values among the replies. */
  #repliesBytes = 0;
  /** Requests that were answered in this turn. */
  #answers = 0;
  #closed = false;
  #heardAtMs = performance.now();
  /** `bytesRead` of the socket when the last message was whole, without what pings and pongs took since. */
  #readAtMessage = 0;
  /** What it sent waits for its turn. */
  #isFull = false;
  /** Others are read first. */
  #isHeld = false;
  #pings = 0;
  /** The last ping that waits for its answer, which goes out with the turn's replies. */
  #ping: Buffer | null = null;

  constructor(webSocket: WebSocket, socket: Socket, remote: string, host: ConnectionHost) {
    this.#host = host;
    this.#webSocket = webSocket;
    this.socket = socket;
    this.#remote = remote;
    this.#inbox = new Inbox({
      limits: host.service.limits,
      share: host.share,
      serve: (request, session, cameMs) => this.#serve(request, session, cameMs),
      refuse: ({ requestId, code, message, limit }) =>
        this.answer(errorReply(requestId, { code, message, retryable: false }, { limit }), 0),
      onFull: (isFull) => {
        this.#isFull = isFull;
        this.#pauseOrResume();
      },
      owner: this,
    });
    this.#helloTimer = setTimeout(() => this.#cut("no hello came in time", null), host.handshakeMs);
    socket.on("data", (bytes: Buffer) => {
      host.readTurns.came(this, bytes.length);
      host.onReceived(bytes.length);
    });
    webSocket.on("message", (data, isBinary) => {
      this.#heard();
      this.#readAtMessage = socket.bytesRead;
      if (isBinary) this.#received(data as Buffer);
      else this.#cut("it broke the protocol", "text frames are not of this protocol");
    });
    webSocket.on("pong", (data: Buffer) => this.#heardControl(data));
    webSocket.on("ping", (data: Buffer) => this.#pinged(data));
    webSocket.on("error", (error: NodeJS.ErrnoException) => {
      const isTooLarge = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
      this.#cut(isTooLarge ? "its frame is too large" : "it broke the protocol", error.message);
    });
    webSocket.on("close", () => {
      this.#end();
      clearTimeout(this.#helloTimer);
      host.service.disconnected(this);
    });
  }

  /** Sends the replies of this turn, and begins what they make room for. */
  turnEnded(): void {
    this.flush();
    if (this.#ping !== null && !this.#closed) this.#webSocket.pong(this.#ping);
    this.#ping = null;
    const answers = this.#answers;
    this.#answers = 0;
    if (answers > 0 && !this.#closed) this.#guarded(() => this.#inbox.sent(answers));
  }

  goOn(): void {
    if (!this.#closed) this.#guarded(() => this.#inbox.goOn());
  }

  /** Sends what is answered so far. */
  flush(): void {
    const replies = this.#replies;
    if (replies.length === 0) return;
    this.#replies = [];
    this.#repliesBytes = 0;
    if (this.#closed) return;
    const { service, unreadBytesMax } = this.#host;
    for (const frame of encodeReplies(replies, service.limits.frameBytes)) this.#send(frame);
    if (this.#webSocket.bufferedAmount > unreadBytesMax) this.drop("it does not read its replies");
  }

  tellLeader(leader: LeaderHint | null): void {
    if (this.#greeted && !this.#closed) this.#send(encodeLeaderNotice(leader));
  }

  tellMembers(notice: PackedFrame): void {
    if (this.#greeted && !this.#closed) this.#send(notice);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Half of what it may leave unread, so that this comes before the cut. */
  get isBehind(): boolean {
    const unsent = this.unsentBytes;
    return unsent * 2 > this.#host.unreadBytesMax || (unsent > UNREAD_BYTES_MIN && this.#host.isCrowded());
  }

  get unsentBytes(): number {
    return this.#webSocket.bufferedAmount + this.#repliesBytes;
  }

  /** What was read of a message that is not whole, about. */
  get partialBytes(): number {
    return this.#isFull ? 0 : Math.max(0, this.socket.bytesRead - this.#readAtMessage);
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#pauseOrResume();
  }

  answer(reply: WireReply, bytes: number): void {
    if (this.#closed) return;
    this.#host.traffic.replied(reply);
    this.#wantTurnEnd();
    this.#answers += 1;
    this.#replies.push(reply);
    this.#repliesBytes += bytes;
    if (this.#repliesBytes > FLUSH_BYTES) this.flush();
  }

  send(frame: PackedFrame): void {
    this.flush();
    if (!this.#closed) this.#send(frame);
  }

  applied(requestId: number, result: CommandResult): void {
    const reply = resultReply(requestId, result);
    this.answer(reply, result.kind === "put" && result.previous === null ? 0 : replyBytes(reply));
  }

  refused(requestId: number, refusal: RequestRefusal): void {
    this.answer(refusalReply(requestId, refusal), 0);
  }

  /** Finds out whether anybody is still there. */
  look(nowMs: number, wasAsleep: boolean, silenceMs: number): void {
    this.#pings = 0;
    if (this.#closed || !this.#greeted) return;
    if (this.#isFull || this.#isHeld) {
      // It is we who do not listen. Nor are its pings answered, so this shows that the node is there.
      this.#heardAtMs = nowMs;
      this.#webSocket.pong();
      return;
    }
    if (wasAsleep) this.#heardAtMs = nowMs;
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs >= silenceMs) {
      const kind = this.partialBytes > 0 ? "a frame of it did not end" : "it was silent and answered no ping";
      this.drop(`${kind} for ${Math.round(silentMs)} ms`, kind);
    } else if (silentMs * 2 >= silenceMs) this.#webSocket.ping();
  }

  /** Cuts it without a goodbye, which nobody would read. */
  drop(why: string, kind = why): void {
    if (this.#closed) return;
    this.#tellOfCut(kind, why);
    this.#end();
    this.#webSocket.terminate();
  }

  #pauseOrResume(): void {
    if (this.#isFull || this.#isHeld) this.#webSocket.pause();
    else this.#webSocket.resume();
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
  }

  #wantTurnEnd(): void {
    if (this.#answers === 0 && this.#ping === null) this.#host.onReplies(this);
  }

  /** A frame that is whole, be it in the middle of a message: a client that is idle for weeks answers many pings. */
  #heardControl(data: Buffer): void {
    this.#heard();
    this.#readAtMessage += CONTROL_HEAD_BYTES + data.length;
  }

  #pinged(data: Buffer): void {
    this.#heardControl(data);
    if (this.#closed) return;
    this.#pings += 1;
    if (this.#pings > PINGS_MAX) {
      this.#cut("it pings without end", null);
      return;
    }
    this.#wantTurnEnd();
    this.#ping = data;
  }

  #received(bytes: Buffer): void {
    // What still comes of a client that was cut is not looked at.
    if (this.#closed) return;
    this.#guarded(() => {
      if (this.#greeted) this.#inbox.add(bytes);
      else this.#greet(bytes);
    });
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#cut("it broke the protocol", error.message);
    }
  }

  #greet(bytes: Buffer): void {
    const hello = decodeHello(bytes);
    clearTimeout(this.#helloTimer);
    const { lines, onGreeted, service } = this.#host;
    const { answer, bytes: reply } = answerHello(hello, service.identity());
    if (!answer.accepted) {
      const { code, message } = answer.error;
      lines.warn(`refused a client: ${code}`, { remote: this.#remote, code }, `refused a client: ${message}`);
      this.#send(reply);
      this.#leave(CLOSE_REFUSED, "");
      return;
    }
    if (!onGreeted(this)) {
      this.#cut("there are too many clients", null, CLOSE_TRY_LATER);
      return;
    }
    this.#send(reply);
    this.#greeted = true;
  }

  #serve(request: ClientRequest, session: SessionPlace | null, cameMs: number): void {
    const { deadlineMs, requestId } = request;
    if (deadlineMs > 0 && performance.now() - cameMs > deadlineMs) this.refused(requestId, TOO_LATE);
    else this.#host.service.serve(request, session, this);
  }

  /** Head and frame in one piece; `ws` would write them as two. */
  #send(frame: PackedFrame): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.socket.write(withHead(frame, false));
    this.#host.onSent(frame.length);
  }

  #cut(kind: string, detail: string | null, code = CLOSE_PROTOCOL_ERROR): void {
    if (this.#closed) return;
    const why = detail ?? kind;
    this.#tellOfCut(kind, why);
    // Told why if it still reads.
    this.#leave(code, why.slice(0, 100));
  }

  /** Nothing that it sends is looked at any more, and it is gone soon in any case. */
  #leave(code: number, why: string): void {
    this.#end();
    // A paused one would not hear the other side's goodbye.
    this.#isFull = false;
    this.#isHeld = false;
    this.#pauseOrResume();
    this.#webSocket.close(code, why);
    setTimeout(() => this.#webSocket.terminate(), CUT_MS).unref();
  }

  #end(): void {
    this.#closed = true;
    this.#replies = [];
    this.#repliesBytes = 0;
    this.#inbox.close();
  }

  #tellOfCut(kind: string, why: string): void {
    const { lines, onCut } = this.#host;
    lines.warn(
      `cut a client's connection: ${kind}`,
      { remote: this.#remote, why },
      `cut a client's connection: ${why}`,
    );
    onCut();
  }
}
