import { HistoryRecorder } from "@raftkv/checker";
import type { Answer, Invocation, Operation } from "@raftkv/checker";
import type { Random } from "./random.js";

export interface Shape {
  readonly operations: number;
  readonly processes: number;
  readonly keys: number;
  /** Chance that an operation's answer never comes. Half of those take effect, some of them much later. */
  readonly unknown: number;
  /** Chance that an operation fails without effect. */
  readonly fail: number;
}

/** A correct object of one key: applies an operation and answers it. */
export interface Reference {
  invoke(random: Random): Invocation;
  apply(invocation: Invocation): Answer;
}

interface Running {
  readonly id: number;
  readonly invocation: Invocation;
  readonly fate: "ok" | "unknown" | "fail" | "never";
  answer: Answer | null;
}

/** The history of clients that use correct objects at the same time: linearizable by construction. */
export function generate(
  random: Random,
  shape: Shape,
  makeReference: (key: string) => Reference,
): Operation[] {
  const recorder = new HistoryRecorder();
  const references = new Map<string, Reference>();
  const running = new Map<number, Running>();
  /** Took their caller's patience, and may take effect later. */
  const late: Running[] = [];
  let called = 0;
  while (called < shape.operations || running.size > 0) {
    if (late.length > 0 && random.chance(0.1)) {
      const [one] = late.splice(random.below(late.length), 1);
      if (one !== undefined) applyTo(references, makeReference, one);
    }
    const process = random.below(shape.processes);
    const current = running.get(process);
    if (current === undefined) {
      if (called === shape.operations) continue;
      called += 1;
      const key = String(random.below(shape.keys));
      const invocation = { ...referenceOf(references, makeReference, key).invoke(random), key };
      const id = recorder.call(process, invocation);
      const isUnknown = random.chance(shape.unknown);
      const fate = isUnknown
        ? random.chance(0.5)
          ? "unknown"
          : "never"
        : random.chance(shape.fail)
          ? "fail"
          : "ok";
      running.set(process, { id, invocation, fate, answer: null });
    } else if (current.answer === null && current.fate === "ok") {
      applyTo(references, makeReference, current);
    } else {
      running.delete(process);
      if (current.fate === "ok") recorder.ok(current.id, current.answer ?? {});
      else if (current.fate === "fail") recorder.fail(current.id);
      else recorder.unknown(current.id);
      if (current.fate === "unknown") late.push(current);
    }
  }
  return recorder.history();
}

function applyTo(references: Map<string, Reference>, make: (key: string) => Reference, one: Running): void {
  one.answer = referenceOf(references, make, one.invocation.key).apply(one.invocation);
}

function referenceOf(
  references: Map<string, Reference>,
  make: (key: string) => Reference,
  key: string,
): Reference {
  let reference = references.get(key);
  if (reference === undefined) {
    reference = make(key);
    references.set(key, reference);
  }
  return reference;
}

/** A register over `values` different values; `null`: every write has a value of its own. */
export function registerReference(values: number | null): (key: string) => Reference {
  return () => {
    let value: number | null = null;
    let written = 0;
    return {
      invoke(random) {
        const next = values === null ? (written += 1) : random.below(values);
        const kind = random.below(5);
        if (kind < 2) return { op: "read", key: "" };
        if (kind < 4) return { op: "write", key: "", value: next };
        return { op: "cas", key: "", expected: values === null ? value : random.below(values), value: next };
      },
      apply(invocation) {
        if (invocation.op === "read") return { value };
        if (invocation.op === "write") {
          value = invocation.value as number;
          return {};
        }
        if (invocation.op !== "cas") throw new Error(`a register knows no ${invocation.op}`);
        const swapped = value === invocation.expected;
        if (swapped) value = invocation.value as number;
        return { swapped };
      },
    };
  };
}

/** A store that counts revisions over all keys. `facts`: whether its answers tell them. */
export function kvReference(values: number | null, facts: boolean): (key: string) => Reference {
  let revision = 0;
  let written = 0;
  return () => {
    let current: { value: string; version: number; createRevision: number; modRevision: number } | null =
      null;
    return {
      invoke(random) {
        const kind = random.below(5);
        if (kind < 2) return { op: "get", key: "" };
        if (kind < 4)
          return {
            op: "put",
            key: "",
            value: String(values === null ? (written += 1) : random.below(values)),
          };
        return { op: "delete", key: "" };
      },
      apply(invocation) {
        if (invocation.op === "get") {
          if (current === null) return { value: null };
          const { value, version, createRevision, modRevision } = current;
          return facts ? { value, version, createRevision, modRevision } : { value };
        }
        if (invocation.op === "delete") {
          const deleted = current !== null;
          if (deleted) revision += 1;
          current = null;
          return facts ? { deleted, revision } : {};
        }
        if (invocation.op !== "put") throw new Error(`a store knows no ${invocation.op}`);
        revision += 1;
        current = {
          value: invocation.value,
          version: (current?.version ?? 0) + 1,
          createRevision: current?.createRevision ?? revision,
          modRevision: revision,
        };
        return facts ? { revision } : {};
      },
    };
  };
}

/** A string. `pieces`: how many different ones are put and added; `null`: every one is different. */
export function stringReference(pieces: number | null, puts: boolean): (key: string) => Reference {
  let written = 0;
  return () => {
    let value = "";
    return {
      invoke(random) {
        // Pieces that are beginnings of each other: "a" and "ab" can be put together in more than one way.
        const piece =
          pieces === null
            ? `x ${(written += 1)} y`
            : random.pick(["a", "ab", "b", "ba", ""].slice(0, pieces));
        const kind = random.below(6);
        if (kind < 3) return { op: "get", key: "" };
        if (!puts || kind < 5) return { op: "append", key: "", value: piece };
        return random.chance(0.8) ? { op: "put", key: "", value: piece } : { op: "delete", key: "" };
      },
      apply(invocation) {
        if (invocation.op === "get") return { value };
        if (invocation.op === "append") value += invocation.value;
        else value = invocation.op === "put" ? invocation.value : "";
        return {};
      },
    };
  };
}
