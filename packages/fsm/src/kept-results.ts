import type { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import type { CommandResult } from "./result.js";
import { readResult, resultBytes, writeResult } from "./result-codec.js";

/** A result as it is kept: of a put that asked for nothing more, the commonest by far, its revision alone. */
type Kept = number | CommandResult;

const SLOTS_MIN = 8;
/** So many slots stay, however few are taken: a session that is busy again need not grow anew. */
const SLOTS_KEPT = 64;

/**
 * The results of one session from `answeredBelow` on, by their numbers. A ring, since numbers come nearly in order and
 * go from below: so a put costs neither a hash nor an object.
 */
export class KeptResults {
  /** As many as a power of two; number `n` is at `n` modulo that. */
  #slots: (Kept | undefined)[] = [];
  /** Everything below is forgotten. */
  #below = 1;
  /** Nothing at or above was recorded. */
  #end = 1;
  /** What is kept takes, as `resultBytes` counts. */
  bytes = 0;

  /** Numbers below are forgotten: the client has their answers. It never goes back. */
  get answeredBelow(): number {
    return this.#below;
  }

  /** Nothing at or above was recorded. */
  get end(): number {
    return this.#end;
  }

  /** Numbers from `answeredBelow` to the last one that was recorded: room is taken for each. */
  get span(): number {
    return this.#end - this.#below;
  }

  /** Slots that are there, taken or not. */
  get room(): number {
    return this.#slots.length;
  }

  has(number: number): boolean {
    return number >= this.#below && number < this.#end && this.#slots[this.#slotOf(number)] !== undefined;
  }

  get(number: number): CommandResult | null {
    if (number < this.#below || number >= this.#end) return null;
    const kept = this.#slots[this.#slotOf(number)];
    if (kept === undefined) return null;
    return typeof kept === "number" ? { kind: "put", revision: kept, previous: null } : kept;
  }

  /** `number` is at or above `answeredBelow`, and has no result yet. */
  set(number: number, result: CommandResult, bytes: number): void {
    if (number - this.#below >= this.#slots.length) this.#resize(number - this.#below + 1);
    const plain = result.kind === "put" && result.previous === null;
    this.#slots[this.#slotOf(number)] = plain ? result.revision : result;
    if (number >= this.#end) this.#end = number + 1;
    this.bytes += bytes;
  }

  forgetBelow(number: number): void {
    const end = Math.min(number, this.#end);
    for (let at = this.#below; at < end; at++) {
      const slot = this.#slotOf(at);
      const kept = this.#slots[slot];
      if (kept === undefined) continue;
      if (typeof kept !== "number") this.bytes -= resultBytes(kept);
      this.#slots[slot] = undefined;
    }
    if (number > this.#below) this.#below = number;
    if (this.#end < this.#below) this.#end = this.#below;
    const { span } = this;
    // Room follows the span down too, so that a bound on spans bounds memory.
    if (this.#slots.length > SLOTS_KEPT && 4 * span < this.#slots.length) this.#resize(span);
  }

  /** Where it begins, how many there are, then the distance of each from the one before and its result. */
  write(writer: ByteWriter): void {
    writer.varint(this.#below);
    let count = 0;
    for (let number = this.#below; number < this.#end; number++) if (this.has(number)) count += 1;
    writer.varint(count);
    let before = this.#below;
    for (let number = this.#below; number < this.#end; number++) {
      const result = this.get(number);
      if (result === null) continue;
      writer.varint(number - before);
      writeResult(writer, result);
      before = number;
    }
  }

  read(reader: ByteReader): void {
    this.#below = reader.varint();
    this.#end = this.#below;
    let number = this.#below;
    for (let left = reader.varint(); left > 0; left--) {
      number += reader.varint();
      const result = readResult(reader);
      this.set(number, result, resultBytes(result));
    }
  }

  /** Makes room for numbers up to `span` from `answeredBelow` on. */
  #resize(span: number): void {
    const before = this.#slots;
    let slots = SLOTS_MIN;
    while (slots < span) slots *= 2;
    this.#slots = Array.from({ length: slots }, () => undefined);
    for (let at = this.#below; at < this.#end; at++) {
      this.#slots[at % slots] = before[at % before.length];
    }
  }

  #slotOf(number: number): number {
    return number % this.#slots.length;
  }
}
