import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import type { Envelope } from "./command.js";
import { DueQueue } from "./due-queue.js";
import type { Due } from "./due-queue.js";
import { ItemsSamples } from "./items-sample.js";
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
  /** Numbers that their results span, all together. */
  #span = 0;
  readonly #samples = new ItemsSamples(writeSession);

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
    this.#samples.changing(session);
    this.#queue.remove(session);
    this.#byId.delete(id);
    this.#keptBytes -= session.results.bytes;
    this.#span -= session.results.span;
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
    if (this.#spansTooMuch(results, Math.max(results.end, number + 1) - answeredBelow, settings)) {
      return refused("OVERLOADED", { allResultsMax: settings.allResultsMax });
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
    this.#samples.changing(session);
    session.dueMs = logTimeMs + session.ttlMs;
    const { results } = session;
    if (answeredBelow <= results.answeredBelow) return;
    const { bytes, span } = results;
    results.forgetBelow(answeredBelow);
    this.#keptBytes += results.bytes - bytes;
    this.#span += results.span - span;
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
    this.#samples.changing(session);
    const { results } = session;
    const { span } = results;
    const bytes = resultBytes(result);
    const { resultBytesMax, allResultBytesMax } = settings;
    if (bytes > resultBytesMax || (bytes > 0 && this.#keptBytes + bytes > allResultBytesMax)) {
      results.set(number, { kind: "notKept", revision }, 0);
    } else {
      results.set(number, result, bytes);
      this.#keptBytes += bytes;
    }
    this.#span += results.span - span;
  }

  /** The first entry of a term: nobody could keep anything alive while there was no leader (F5). */
  renewAll(logTimeMs: number): void {
    this.#samples.changingAll(this.#byId.values());
    for (const session of this.#byId.values()) session.dueMs = logTimeMs + session.ttlMs;
  }

  /** Ids of those that are due, in the order in which they fell due. */
  due(logTimeMs: number, countMax: number): number[] {
    return this.#queue.due(logTimeMs, countMax).map((session) => session.id);
  }

  /** As they are at the call: how many, then of each, by id: id, time to live, when it falls due, its results. */
  slices(sliceBytes: number): Generator<Uint8Array, void, void> {
    return this.#samples.take(this.#byId.values(), sliceBytes);
  }

  read(reader: ByteReader): void {
    for (let left = reader.varint(); left > 0; left--) {
      const id = reader.varint();
      const ttlMs = reader.varint();
      const session = new Session(id, ttlMs, reader.varint());
      session.results.read(reader);
      this.#keptBytes += session.results.bytes;
      this.#span += session.results.span;
      this.#add(session);
    }
  }

  /**
   * Whether a session may not span that much, since all together do too much. Its share it always has: so who does not confirm
   * holds nobody up who does. A number within what it spans already takes no room: refused, it would keep all behind it unconfirmed.
   */
  #spansTooMuch(results: KeptResults, span: number, { allResultsMax, sessionsMax }: Settings): boolean {
    if (span <= results.span) return false;
    if (this.#span - results.span + span <= allResultsMax) return false;
    return span > Math.max(1, Math.floor(allResultsMax / sessionsMax));
  }

  #add(session: Session): void {
    this.#byId.set(session.id, session);
    this.#queue.add(session);
  }
}

function writeSession(writer: ByteWriter, session: Session): void {
  writer.varint(session.id);
  writer.varint(session.ttlMs);
  writer.varint(session.dueMs);
  session.results.write(writer);
}
