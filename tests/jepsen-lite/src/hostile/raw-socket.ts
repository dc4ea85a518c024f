import { connect } from "node:net";
import type { Socket } from "node:net";
import { CLIENT_PATH, PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN, encodeHello } from "@raftkv/protocol";

export interface Target {
  readonly host: string;
  readonly port: number;
}

const OPCODE = { binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;
/** Masked, as everything from a client, with a mask of zeros: so the bytes stand as they are. */
const MASKED = 0x80;
const MASK_BYTES = 4;

const UPGRADE = [
  `GET ${CLIENT_PATH} HTTP/1.1`,
  "host: raftkv",
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");

/** A WebSocket frame as a client sends it. `length` may promise more than there is. */
export function frame(opcode: keyof typeof OPCODE, payload: Buffer, length = payload.length): Buffer {
  const head: number[] = [FIN | OPCODE[opcode]];
  if (length < 126) head.push(MASKED | length);
  else if (length < 65_536) head.push(MASKED | 126, length >> 8, length & 0xff);
  else {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(length));
    head.push(MASKED | 127, ...size);
  }
  return Buffer.concat([Buffer.from(head), Buffer.alloc(MASK_BYTES), payload]);
}

const HELLO = frame(
  "binary",
  encodeHello({
    versionMin: PROTOCOL_VERSION_MIN,
    versionMax: PROTOCOL_VERSION_MAX,
    clusterId: null,
    clientName: "hostile",
  }),
);

/**
 * A connection of which every byte is ours: no library answers pings, reads what comes, or keeps to any rule. `ended` tells how
 * the node ended it: `HTTP 503`, `closed 1002`, or `cut` when it went without a word.
 */
export class RawSocket {
  readonly socket: Socket;
  readonly ended: Promise<string>;
  /** Resolves when the node took the client, or ended the connection. */
  readonly greeted: Promise<boolean>;
  answersPings = false;
  /** Binary frames of the node behind its welcome, as far as they were read. */
  frames = 0;
  onFrame: () => void = () => undefined;
  #onGreeted: (greeted: boolean) => void = () => undefined;
  #end = "cut";
  #isUpgraded = false;
  #isGreeted = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(target: Target) {
    this.socket = connect({ ...target, noDelay: true });
    this.greeted = new Promise((resolve) => {
      this.#onGreeted = resolve;
    });
    this.socket.on("error", () => undefined);
    this.socket.on("data", (bytes: Buffer) => this.#received(bytes));
    this.ended = new Promise((resolve) => {
      this.socket.once("close", () => {
        this.#onGreeted(false);
        resolve(this.#end);
      });
    });
  }

  upgrade(): void {
    this.socket.write(UPGRADE);
  }

  /** Becomes a client. */
  hello(): Promise<boolean> {
    this.socket.write(Buffer.concat([Buffer.from(UPGRADE), HELLO]));
    return this.greeted;
  }

  /** Waits while the socket takes nothing. False: it is gone. */
  async write(bytes: Buffer): Promise<boolean> {
    if (this.socket.destroyed || this.socket.writableEnded) return false;
    if (this.socket.write(bytes)) return true;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.socket.off("drain", done);
        this.socket.off("close", done);
        resolve();
      };
      this.socket.on("drain", done);
      this.socket.on("close", done);
    });
    return !this.socket.destroyed;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Whatever comes from now on is thrown away. */
  becomeDeaf(): void {
    this.socket.removeAllListeners("data");
    this.socket.resume();
  }

  #received(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isUpgraded && !this.#takeHead()) return;
    while (this.#takeFrame());
  }

  #takeHead(): boolean {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const status = this.#rest.toString("latin1", 9, 12);
    this.#rest = this.#rest.subarray(end + 4);
    if (status !== "101") this.#end = `HTTP ${status}`;
    else this.#isUpgraded = true;
    return this.#isUpgraded;
  }

  #takeFrame(): boolean {
    const bytes = this.#rest;
    if (bytes.length < 2) return false;
    const short = (bytes[1] as number) & 0x7f;
    const at = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < at) return false;
    const length =
      short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < at + length) return false;
    this.#rest = bytes.subarray(at + length);
    this.#took((bytes[0] as number) & 0x0f, bytes.subarray(at, at + length));
    return true;
  }

  #took(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.close) {
      this.#end = `closed ${payload.length < 2 ? 1005 : payload.readUInt16BE(0)}`;
      this.socket.destroy();
    } else if (opcode === OPCODE.ping && this.answersPings) this.socket.write(frame("pong", payload));
    else if (opcode !== OPCODE.binary) return;
    else if (this.#isGreeted) {
      this.frames += 1;
      this.onFrame();
    } else {
      this.#isGreeted = true;
      this.#onGreeted(true);
    }
  }
}
