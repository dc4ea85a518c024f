import { decodeNodeFrame, encodeRequests, watchRequest } from "@raftkv/protocol";
import type { KeyRange, NodeFrame, Refusal, Reply, WatchEvent, WireRequest } from "@raftkv/protocol";
import { until } from "./nodes.js";
import { RawClient } from "./raw-client.js";

/** What a node takes in one frame, if it is not told otherwise. */
const FRAME_REQUESTS = 4_096;

/** What a watch was told, over all the connections that it had. */
export class WatchLog {
  readonly range: KeyRange;
  readonly revisions: number[] = [];
  readonly events: WatchEvent[] = [];
  readonly marks: number[] = [];
  /** Where it goes on after a lost connection: behind the last whole revision or mark. */
  next: number;
  end: Refusal | null = null;

  constructor(range: KeyRange, fromRevision: number) {
    this.range = range;
    this.next = fromRevision;
  }

  took(frame: Extract<NodeFrame, { kind: "events" }>): void {
    if (frame.events.length === 0) this.marks.push(frame.revision);
    for (const event of frame.events) {
      this.revisions.push(event.modRevision);
      this.events.push(event);
    }
    if (!frame.moreOfRevision) this.next = frame.revision + 1;
  }
}

export interface WatchSettings {
  readonly wantPrevious?: boolean;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  readonly progress?: boolean;
}

/** One connection that watches. */
export class WatchingClient {
  readonly raw: RawClient;
  readonly #logs = new Map<number, WatchLog>();
  readonly #replies = new Map<number, Reply>();
  #lastId = 0;

  private constructor(raw: RawClient) {
    this.raw = raw;
    raw.socket.on("message", (data) => this.#received(decodeNodeFrame(data as Buffer)));
  }

  static async open(endpoint: string): Promise<WatchingClient> {
    return new WatchingClient(await RawClient.greeted(endpoint));
  }

  /** Watches from where each log is; resolves with the replies once all have come. */
  async watch(logs: readonly WatchLog[], settings: WatchSettings = {}): Promise<Reply[]> {
    const requests: WireRequest[] = [];
    for (const log of logs) {
      this.#lastId += 1;
      this.#logs.set(this.#lastId, log);
      const { wantPrevious = false, noPut = false, noDelete = false, progress = false } = settings;
      const flags = { wantPrevious, noPut, noDelete, progress };
      const { range, next } = log;
      requests.push(
        watchRequest(this.#lastId, 0, { watchId: this.#lastId, range, fromRevision: next, ...flags }),
      );
    }
    return this.ask(requests);
  }

  async ask(requests: readonly WireRequest[]): Promise<Reply[]> {
    for (let at = 0; at < requests.length; at += FRAME_REQUESTS) {
      this.raw.socket.send(encodeRequests(requests.slice(at, at + FRAME_REQUESTS)));
    }
    return Promise.all(
      requests.map(([id]) => until(`request ${id} is answered`, () => this.#replies.get(id) ?? null)),
    );
  }

  #received(frame: NodeFrame): void {
    if (frame.kind === "replies")
      for (const reply of frame.replies) this.#replies.set(reply.requestId, reply);
    if (frame.kind === "events") this.#logs.get(frame.watchId)?.took(frame);
    const log = frame.kind === "watchEnd" ? this.#logs.get(frame.watchId) : undefined;
    if (frame.kind === "watchEnd" && log !== undefined) log.end = frame.refusal;
  }

  close(): void {
    this.raw.close();
  }
}
