import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import type { Envelope } from "./command.js";
import { DueQueue } from "./due-queue.js";
import type { Due } from "./due-queue.js";
import { KeptResults } from "./kept-results.js";
import { refused } from "./result.js";
import type { CommandResult, Refused } from "./result.js";
import { resultBytes } from "./result-codec.js";
import type { Settings } from "./settings.js";

/** A client's session: what makes its retries harmless (F3). Its id is the index of the entry that opened it. */
export class Session implements Due {
  readonly id: number;
  readonly ttlMs: number;
  dueMs: number;
  gone = false;
  readonly results = new KeptResults();

  constructor(id: number, ttlMs: number, dueMs: number) {
    this.id = id;
    this.ttlMs = ttlMs;
    this.dueMs = dueMs;
  }
}

/** Refusals that are not recorded: a retry under the same number is to be judged anew. */
const NOT_RECORDED: ReadonlySet<string> = new Set(["OUT_OF_ORDER", "SESSION_EXPIRED", "OVERLOADED"]);

/** The sessions that are open, and the results that their clients have not confirmed yet. */
export class Sessions {
  /** In ascending order: ids come out of the log. */
  readonly #byId = new Map<number, Session>();
  readonly #queue = new DueQueue<Session>();
  /** Found last: commands of one session come in runs. */
  #last: Session | null = null;
  #keptBytes = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** When the next one falls due. */
  get nextDueMs(): number | null {
    return this.#queue.first()?.dueMs ?? null;
  }

  find(id: number): Session | null {
    if (this.#last?.id === id) return this.#last;
    const session = this.#byId.get(id) ?? null;
    if (session !== null) this.#last = session;
    return session;
  }

  open(id: number, ttlMs: number, logTimeMs: number): void {
    this.#add(new Session(id, ttlMs, logTimeMs + ttlMs));
  }

  close(id: number): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    this.#queue.remove(session);
    this.#byId.delete(id);
    this.#keptBytes -= session.results.bytes;
    if (this.#last === session) this.#last = null;
  }

  /**
   * What a command is answered without being carried out: the first answer, when it has been; a refusal, when it must
   * not be now. Null: it is to be carried out. Changes nothing.
   */
  answerTo(session: Session | null, envelope: Envelope, settings: Settings): CommandResult | null {
    const { number, predecessor } = envelope;
    if (session === null) return refused("SESSION_EXPIRED", { session: envelope.session });
    if (number === 0) return null;
    const { results } = session;
    const answeredBelow = Math.max(results.answeredBelow, envelope.answeredBelow);
    if (number < answeredBelow) return refused("OUTCOME_UNKNOWN", { number, answeredBelow });
    const first = results.get(number);
    if (first !== null) return first;
    if (number - answeredBelow >= settings.sessionResultsMax) {
      return refused("OVERLOADED", { sessionResultsMax: settings.sessionResultsMax });
    }
    if (predecessor >= answeredBelow && !results.has(predecessor)) {
      return refused("OUT_OF_ORDER", { predecessor });
    }
    return null;
  }

  /**
   * What a command is refused with, for good, since its predecessor was: nothing of an appender slips through behind a
   * failure. Null: there is no predecessor, or it was carried out, or its answer is forgotten; then none that names it
   * and was sent before the failure was known is under way any more (F3).
   */
  refusalBehind(session: Session, predecessor: number): Refused | null {
    if (predecessor === 0 || session.results.get(predecessor)?.kind !== "refused") return null;
    return refused("PREDECESSOR_FAILED", { predecessor });
  }

  /** A command of the session was applied, whatever came of it: it lives on, and what its client has is forgotten. */
  heard(session: Session, answeredBelow: number, logTimeMs: number): void {
    session.dueMs = logTimeMs + session.ttlMs;
    const { results } = session;
    if (answeredBelow <= results.answeredBelow) return;
    const { bytes } = results;
    results.forgetBelow(answeredBelow);
    this.#keptBytes += results.bytes - bytes;
  }

  /** Keeps the answer for a retry; a large one is replaced by where it was carried out, `revision`. */
  record(
    session: Session,
    number: number,
    result: CommandResult,
    revision: number,
    settings: Settings,
  ): void {
    if (number === 0 || session.gone || (result.kind === "refused" && NOT_RECORDED.has(result.code))) return;
    const bytes = resultBytes(result);
    const { resultBytesMax, allResultBytesMax } = settings;
    if (bytes > resultBytesMax || (bytes > 0 && this.#keptBytes + bytes > allResultBytesMax)) {
      session.results.set(number, { kind: "notKept", revision }, 0);
      return;
    }
    session.results.set(number, result, bytes);
    this.#keptBytes += bytes;
  }

  /** The first entry of a term: nobody could keep anything alive while there was no leader (F5). */
  renewAll(logTimeMs: number): void {
    for (const session of this.#byId.values()) session.dueMs = logTimeMs + session.ttlMs;
  }

  /** Ids of those that are due, in the order in which they fell due. */
  due(logTimeMs: number, countMax: number): number[] {
    return this.#queue.due(logTimeMs, countMax).map((session) => session.id);
  }

  /** How many, then of each, by id: id, time to live, when it falls due, its results. */
  write(writer: ByteWriter): void {
    writer.varint(this.#byId.size);
    for (const session of this.#byId.values()) {
      writer.varint(session.id);
      writer.varint(session.ttlMs);
      writer.varint(session.dueMs);
      session.results.write(writer);
    }
  }

  read(reader: ByteReader): void {
    for (let left = reader.varint(); left > 0; left--) {
      const id = reader.varint();
      const ttlMs = reader.varint();
      const session = new Session(id, ttlMs, reader.varint());
      session.results.read(reader);
      this.#keptBytes += session.results.bytes;
      this.#add(session);
    }
  }

  #add(session: Session): void {
    this.#byId.set(session.id, session);
    this.#queue.add(session);
  }
}
