import { Op, REPLY_ERROR, putRequest, sessionCloseRequest, sessionOpenRequest } from "@raftkv/protocol";
import type { Reply, SessionPlace } from "@raftkv/protocol";
import type { Random } from "../random.js";
import type { Depth, Generator, Load, Reach } from "./generator.js";
import type { Wire } from "./wire.js";

const WRITERS = 6;
const COUNTERS = 12;
/** Answered writes whose answer the cluster still has to know: they are asked for again behind a cut. */
const KEPT = 200;
const SESSION_TTL_MS = 3_600_000;
const SHORT_TTL_MS = 300;

interface Answer {
  readonly revision: number;
  /** The version before it; null in an answer that was too large to be kept, and tells no more than the revision. */
  readonly behind: number | null;
}

interface Write {
  readonly counter: number;
  /** As it came; null while there is none. */
  answer: Answer | null;
  /** How often it is under way. */
  underWay: number;
}

/**
 * A put adds one to its key's version, so a key counts how often its puts were carried out. Every one has a number in a session that
 * outlives the cuts, and goes out again and again: at once, after its answer, and behind a cut. Each must count once, and be answered
 * the same each time (F3).
 */
export class ExactlyOnce implements Generator {
  readonly name = "once";
  acknowledged = 0;
  #session: number | null = null;
  #next = 1;
  #answeredBelow = 1;
  /** Those that may still be asked for. */
  readonly #writes = new Map<number, Write>();
  readonly #puts = Array.from({ length: COUNTERS }, () => 0);

  async run(load: Load): Promise<void> {
    const wire = load.wire();
    const { random } = load;
    this.#session ??= await openSession(wire, SESSION_TTL_MS);
    if (this.#session === null) return;
    const writers = Array.from({ length: WRITERS }, () => this.#write(load, wire, random.fork()));
    await Promise.all([...writers, shortSessions(load, random.fork())]);
  }

  async check(reach: Reach, random: Random, depth: Depth): Promise<string[]> {
    if (this.#session === null) return [];
    const wire = reach.wire();
    const wrong: string[] = [];
    const found = (what: string): void => void wrong.push(what);
    for (const [number, write] of this.#writes) {
      if (write.answer === null || depth === "all" || random.chance(0.3)) {
        await this.#send(wire, number, found);
        if (write.answer === null) found(`${this.name}: ${number} got no answer behind the cut`);
      }
    }
    const { client } = reach;
    for (const [counter, puts] of this.#puts.entries()) {
      const version = (await client.get(keyOf(counter)))?.version ?? 0;
      if (version !== puts)
        found(`${this.name}: ${keyOf(counter)} was put ${version} times, not ${puts} (F3)`);
    }
    return wrong;
  }

  async #write(load: Load, wire: Wire, random: Random): Promise<void> {
    const found = (what: string): void => load.found(what);
    while (!load.stopped) {
      const number = this.#next;
      this.#next += 1;
      const counter = random.below(COUNTERS);
      this.#puts[counter] = (this.#puts[counter] ?? 0) + 1;
      this.#writes.set(number, { counter, answer: null, underWay: 0 });
      const sent = [this.#send(wire, number, found)];
      // Twice at the same time; also to a node that may not lead, or not any more.
      if (random.chance(0.2)) sent.push(this.#send(wire, number, found));
      if (random.chance(0.1)) sent.push(this.#send(wire, number, found, random.pick(load.endpoints)));
      await Promise.all(sent);
      if (random.chance(0.1)) await this.#send(wire, number, found);
      if (random.chance(0.1)) this.#forget();
    }
  }

  async #send(
    wire: Wire,
    number: number,
    found: (what: string) => void,
    endpoint: string | null = null,
  ): Promise<void> {
    const write = this.#writes.get(number);
    if (write === undefined || this.#session === null) return;
    const place: SessionPlace = { session: this.#session, answeredBelow: this.#answeredBelow };
    const value = Buffer.from(`${number}`);
    const request = putRequest(number, 0, Buffer.from(keyOf(write.counter)), value, 0, true);
    write.underWay += 1;
    const reply =
      endpoint === null ? await wire.send(request, place) : await wire.sendTo(endpoint, request, place);
    write.underWay -= 1;
    if (reply === null || isUnknown(reply) || (endpoint !== null && reply.op === REPLY_ERROR)) return;
    const answer = answerOf(reply);
    if (answer === null) {
      found(`${this.name}: ${number} was refused: ${reply.op === REPLY_ERROR ? reply.message : reply.op}`);
      return;
    }
    const first = write.answer;
    if (first === null) this.acknowledged += 1;
    else if (!isSame(first, answer))
      found(`${this.name}: ${number} was answered ${describe(first)}, and then ${describe(answer)} (F3)`);
    if (first === null || first.behind === null) write.answer = answer;
  }

  /** The cluster may forget what all answers are known of, but for the last of them. */
  #forget(): void {
    let below = Math.max(this.#answeredBelow, this.#next - KEPT);
    for (const [number, { answer, underWay }] of this.#writes) {
      if (number >= below) break;
      if (answer === null || underWay > 0) below = number;
    }
    for (const number of this.#writes.keys()) {
      if (number >= below) break;
      this.#writes.delete(number);
    }
    this.#answeredBelow = below;
  }
}

/** Sessions that expire, and some that are closed before: clock entries, and changes of the small state. */
async function shortSessions(load: Load, random: Random): Promise<void> {
  const wire = load.wire();
  while (!load.stopped) {
    const session = await openSession(wire, random.between(50, SHORT_TTL_MS));
    if (session === null || random.chance(0.5)) continue;
    await wire.send(sessionCloseRequest(wire.nextId(), 0), { session, answeredBelow: 1 });
  }
}

/** Null: nobody knows whether there is one. */
async function openSession(wire: Wire, ttlMs: number): Promise<number | null> {
  const reply = await wire.send(sessionOpenRequest(wire.nextId(), 0, ttlMs));
  return reply?.op === Op.sessionOpen ? reply.session : null;
}

function keyOf(counter: number): string {
  return `once/${counter}`;
}

function isUnknown(reply: Reply): boolean {
  return (
    reply.op === REPLY_ERROR &&
    ((reply.code === "OUTCOME_UNKNOWN" && reply.revision === null) || reply.code === "TIMEOUT")
  );
}

/** Null: it is none. */
function answerOf(reply: Reply): Answer | null {
  if (reply.op === Op.put) return { revision: reply.revision, behind: reply.previous?.version ?? 0 };
  return reply.op === REPLY_ERROR && reply.code === "OUTCOME_UNKNOWN" && reply.revision !== null
    ? { revision: reply.revision, behind: null }
    : null;
}

function isSame(one: Answer, other: Answer): boolean {
  return one.revision === other.revision && (one.behind ?? other.behind) === (other.behind ?? one.behind);
}

function describe({ behind, revision }: Answer): string {
  return `revision ${revision}${behind === null ? "" : ` behind version ${behind}`}`;
}
