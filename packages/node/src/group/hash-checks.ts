import { setTimeout as pause } from "node:timers/promises";
import type { HashPoint } from "@raftkv/fsm";
import { encodeStateHash } from "@raftkv/protocol";
import type { PackedFrame, StateHashMessage } from "@raftkv/protocol";
import { StoreCorruptError, collectState, hashSmallState, hashWhole } from "@raftkv/store";
import type { Store } from "@raftkv/store";
import { logIndex } from "raft-ts";
import type { Configuration, GroupId, LogIndex, ServerId } from "raft-ts";
import { ReplicaDiffersError } from "../errors.js";
import type { Logger } from "../logger.js";
import { Reports, dataMembers, dataVoters } from "./hash-reports.js";

/** How often members whose hash is not known yet are asked for it: they may still be reading, or the message was lost. */
const ASK_AGAIN_MS = 2_000;
/** What one that differs says of itself, so often and so far apart, before it falls silent. */
const FAREWELLS = 6;
const FAREWELL_MS = 500;
/** Pauses are gathered to this much: timers know milliseconds. */
const PAUSE_MS_MIN = 2;

export interface HashChecksOptions {
  readonly group: GroupId;
  readonly self: ServerId;
  /** Of this program: only members of the same one compare what they hold. */
  readonly version: string;
  /** The one that is live; null while a snapshot takes its place. */
  readonly store: () => Store | null;
  readonly configuration: () => Configuration;
  readonly nameOf: (server: ServerId) => string;
  /** How long after one check the leader begins the next; 0: never. */
  readonly intervalMs: number;
  /** The share of one core that reading may take. */
  readonly percent: number;
  readonly send: (peer: ServerId, frame: PackedFrame) => void;
  readonly logger: Logger;
  /** This replica is wrong: it must not serve, and not vote, any more. */
  readonly onDiffers: (error: ReplicaDiffersError) => void;
  /** What is on the disk cannot be read. */
  readonly onFailed: (error: unknown) => void;
}

/** What status and metrics tell. */
export interface HashChecksState {
  /** The last index at which this replica was found equal to a majority; 0 for none. */
  readonly comparedIndex: number;
  /** How often that was. */
  readonly compared: number;
  /** Members that differ, or of which nobody can say who does; by name. */
  readonly differing: readonly string[];
  readonly alarm: string | null;
}

/**
 * Compares the replicas in the background (promise 4). The leader puts an entry into the log; each replica hashes, slowly, what it holds as of
 * that entry, and tells the others. What a majority of the voters with data has is right. Who differs from it stops for good.
 */
export class HashChecks {
  readonly #options: HashChecksOptions;
  readonly #reports = new Reports();
  readonly #differing = new Map<ServerId, LogIndex>();
  /** When each member was last found right. */
  readonly #equal = new Map<ServerId, LogIndex>();
  /** The check that this replica reads for, or whose hash it has. */
  #own: { readonly index: LogIndex; hash: string | null } | null = null;
  #lastMs = performance.now();
  #askedMs = 0;
  #comparedIndex = logIndex(0);
  #compared = 0;
  #tie: string | null = null;
  #stopped = false;

  constructor(options: HashChecksOptions) {
    this.#options = options;
  }

  get state(): HashChecksState {
    const members = this.#others();
    const names = [...this.#differing.keys()]
      .filter((server) => members.includes(server))
      .map(this.#options.nameOf)
      .sort();
    const differ =
      names.length === 0
        ? null
        : `${names.join(", ")} differ${names.length === 1 ? "s" : ""} from the majority`;
    return {
      comparedIndex: this.#comparedIndex,
      compared: this.#compared,
      differing: names,
      // Of two of which one was removed no other comparison will tell.
      alarm: members.length === 0 ? null : (this.#tie ?? differ),
    };
  }

  /** Whether a leader is to begin a check. A slow reading is not overtaken by the next one. */
  due(nowMs: number): boolean {
    const { intervalMs } = this.#options;
    if (intervalMs === 0 || this.#stopped || nowMs - this.#lastMs < intervalMs) return false;
    const isReading = this.#own !== null && this.#own.hash === null;
    return !isReading && this.#others().length > 0;
  }

  /** The entry of a check is being applied: of this moment on, and no other, is what is hashed. */
  begin(point: HashPoint): void {
    this.#lastMs = performance.now();
    if (this.#stopped) return;
    const { logger } = this.#options;
    if (this.#own?.hash === null) {
      logger.info(
        { index: point.index },
        `no hash at index ${point.index}: that of index ${this.#own.index} is still being made`,
      );
      return;
    }
    const own = { index: logIndex(point.index), hash: null };
    this.#own = own;
    this.#read(point, own).catch((error: unknown) => this.#unreadable(own, error));
  }

  received(from: ServerId, message: StateHashMessage): void {
    const { asks, hash, index, version } = message;
    // While members are upgraded, equal replicas may have different hashes.
    if (version !== this.#options.version) return;
    if (this.#stopped || !this.#reports.add(index, from, hash)) return;
    const own = this.#reports.at(index).get(this.#options.self);
    if (own === undefined) return;
    if (asks) this.#tell([from], index, own, false);
    this.#judge(index);
  }

  tick(nowMs: number): void {
    const own = this.#own;
    if (own === null || own.hash === null || this.#stopped || nowMs - this.#askedMs < ASK_AGAIN_MS) return;
    const known = this.#reports.at(own.index);
    const missing = this.#others().filter((server) => !known.has(server));
    this.#askedMs = nowMs;
    this.#tell(missing, own.index, own.hash, true);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Tells the others what this replica holds, several times: it may be that no connection is up yet. */
  async farewell(): Promise<void> {
    const { hash = null, index = logIndex(0) } = this.#own ?? {};
    if (hash === null) return;
    for (let times = 0; times < FAREWELLS; times += 1) {
      this.#tell(this.#others(), index, hash, false);
      await pause(FAREWELL_MS, undefined, { ref: false });
    }
  }

  #others(): ServerId[] {
    const { configuration, self } = this.#options;
    return dataMembers(configuration()).filter((server) => server !== self);
  }

  async #read(point: HashPoint, own: { readonly index: LogIndex; hash: string | null }): Promise<void> {
    // Taken at once, slice by slice: what is applied meanwhile is not in it.
    const state = collectState(point.state()).then((pieces) => hashSmallState(pieces, point.floor));
    // Not in the middle of the batch that the entry is in.
    await Promise.resolve();
    const contents = this.#options.store()?.hashSlowly(point.revision, this.#pace());
    const [stateHash, contentsHash] = await Promise.all([state, contents]);
    if (this.#own !== own || this.#stopped) return;
    if (contentsHash === undefined) {
      this.#own = null;
      return;
    }
    own.hash = hashWhole(point, contentsHash, stateHash);
    this.#reports.add(own.index, this.#options.self, own.hash);
    this.#askedMs = performance.now();
    this.#tell(this.#others(), own.index, own.hash, true);
    this.#judge(own.index);
  }

  #pace(): (tookMs: number) => Promise<void> {
    const factor = 100 / this.#options.percent - 1;
    let owedMs = 0;
    return async (tookMs) => {
      owedMs += tookMs * factor;
      if (owedMs < PAUSE_MS_MIN) return;
      const startMs = performance.now();
      await pause(owedMs, undefined, { ref: false });
      owedMs -= performance.now() - startMs;
    };
  }

  /** The store was closed or exchanged, or had no such revision any more: the next check will do. All else is damage. */
  #unreadable(own: { readonly index: LogIndex }, error: unknown): void {
    if (this.#own === own) this.#own = null;
    if (this.#stopped) return;
    const { code, message } = error as { readonly code?: unknown; readonly message: string };
    if (code === "CLOSED" || code === "COMPACTED") {
      this.#options.logger.info({ index: own.index }, `no hash at index ${own.index}: ${message}`);
      return;
    }
    const isDamage = code === "LEVEL_CORRUPTION";
    this.#options.onFailed(
      isDamage ? new StoreCorruptError("the store", "an undamaged LevelDB", message) : error,
    );
  }

  #tell(peers: readonly ServerId[], index: LogIndex, hash: string, asks: boolean): void {
    const { group, send, version } = this.#options;
    const bytes = encodeStateHash({ group, index, hash, asks, version });
    for (const peer of peers) send(peer, bytes);
  }

  #judge(index: LogIndex): void {
    const { configuration, logger, nameOf, onDiffers, self } = this.#options;
    const known = this.#reports.at(index);
    const own = known.get(self);
    if (own === undefined) return;
    const verdict = this.#reports.verdict(index, dataVoters(configuration()));
    const isLatest = index === this.#own?.index;
    // What is late of an older check says who is wrong, but of those that cannot tell the newer one knows more.
    if (verdict.kind === "open" || (verdict.kind === "tie" && !isLatest)) return;
    if (verdict.kind === "tie") {
      const told = [...known]
        .map(([server, hash]) => `${nameOf(server)} ${hash.slice(0, 16)}`)
        .sort()
        .join(", ");
      const tie = `replicas differ at index ${index}, and no majority says yet which is right: ${told}`;
      if (tie !== this.#tie) logger.error({ index }, tie);
      this.#tie = tie;
      return;
    }
    if (isLatest) this.#tie = null;
    const right = verdict.hash;
    if (own !== right) {
      const agreed = [...known]
        .filter(([, hash]) => hash === right)
        .map(([server]) => nameOf(server))
        .sort();
      onDiffers(new ReplicaDiffersError({ index, expected: right, found: own, agreed }));
      return;
    }
    if (index > this.#comparedIndex) {
      this.#comparedIndex = index;
      this.#compared += 1;
    }
    this.#compareOthers(index, known, right);
  }

  #compareOthers(index: LogIndex, known: ReadonlyMap<ServerId, string>, right: string): void {
    const { logger, nameOf } = this.#options;
    const members = new Set(this.#others());
    for (const marks of [this.#differing, this.#equal])
      for (const server of marks.keys()) if (!members.has(server)) marks.delete(server);
    for (const [server, hash] of known) {
      const marks = hash === right ? this.#equal : this.#differing;
      const isNews = index > (marks.get(server) ?? 0);
      if (!isNews || !members.has(server)) continue;
      if (index < (this.#equal.get(server) ?? 0)) continue;
      marks.set(server, index);
      if (hash === right) {
        if (index > (this.#differing.get(server) ?? 0)) this.#differing.delete(server);
        continue;
      }
      logger.error(
        { index, peer: nameOf(server), expected: right, found: hash },
        `${nameOf(server)} differs from the majority at index ${index}: it must be replaced`,
      );
    }
  }
}
