import type { Operation } from "./history.js";

/** What a field may hold, and how to say so. */
export type Check = readonly [accepts: (value: unknown) => boolean, expected: string];

const scalar: Check = [
  (v) => v === null || typeof v === "string" || typeof v === "boolean" || isNumber(v),
  "a string, a number, a boolean or null",
];
export const text: Check = [(v) => typeof v === "string", "a string"];
const textOrNull: Check = [(v) => v === null || typeof v === "string", "a string or null"];
const flag: Check = [(v) => typeof v === "boolean", "true or false"];
const flagOrNull: Check = [(v) => v === null || typeof v === "boolean", "true, false or null"];
const element: Check = [isElement, "a string or a number"];
const elements: Check = [(v) => Array.isArray(v) && v.every(isElement), "an array of strings or numbers"];
export const count: Check = [(v) => isPosition(v), "an integer of 0 or more"];
const countOrNull: Check = [(v) => v === null || isPosition(v), "an integer of 0 or more, or null"];
const integer: Check = [(v) => Number.isSafeInteger(v), "an integer"];
const integerOrNull: Check = [(v) => v === null || Number.isSafeInteger(v), "an integer or null"];
const step: Check = [(v) => Number.isSafeInteger(v) && v !== 0, "an integer that is not 0"];

const amount: Check = [(v) => Number.isSafeInteger(v) && (v as number) > 0, "an integer of 1 or more"];
const milliseconds: Check = [(v) => typeof v === "number" && v >= 0, "a number of 0 or more"];
const millisecondsOrNull: Check = [(v) => v === null || milliseconds[0](v), "a number of 0 or more, or null"];
const steps: Check = [
  (v) => Array.isArray(v) && v.every(isStep),
  'an array of ["append", key, element] and ["read", key, elements or null]',
];
const stepsTold: Check = [
  (v) => steps[0](v) && (v as unknown[][]).every(([kind, , read]) => kind !== "read" || read !== null),
  "an array of steps in which every read has its elements",
];
const balances: Check = [
  (v) => isRecord(v) && Object.values(v).every((held) => Number.isSafeInteger(held)),
  "an object of integers, by account",
];
const entries: Check = [
  (v) => Array.isArray(v) && v.every((entry) => isPair(entry, "string") && amount[0](entry[1])),
  "an array of [appender, sequence]",
];
const changes: Check = [
  (v) => Array.isArray(v) && v.every(isChange),
  "an array of [key, value], with null for the value of a delete",
];
const received: Check = [
  (v) => Array.isArray(v) && v.every(isMessage),
  'an array of {"revision", "changes"} and {"progress"}',
];

export interface Fields {
  /** What the client asked: needed whatever the outcome. */
  readonly asked: Readonly<Record<string, Check>>;
  /** What it was told: judged when the outcome is `ok`. */
  readonly told: Readonly<Record<string, Check>>;
}

/** Every kind of operation, and the fields that it has beside those that all have. */
export const operationFields: Readonly<Record<Operation["op"], Fields>> = {
  read: { asked: {}, told: { value: scalar } },
  write: { asked: { value: scalar }, told: {} },
  cas: { asked: { expected: scalar, value: scalar }, told: { swapped: flag } },
  get: {
    asked: {},
    told: { value: textOrNull, modRevision: countOrNull, createRevision: countOrNull, version: countOrNull },
  },
  put: { asked: { value: text }, told: { revision: countOrNull } },
  delete: { asked: {}, told: { deleted: flagOrNull, revision: countOrNull } },
  add: { asked: { value: element }, told: {} },
  members: { asked: {}, told: { values: elements } },
  increment: { asked: { by: step }, told: { total: integerOrNull } },
  total: { asked: {}, told: { total: integer } },
  append: { asked: { value: text }, told: {} },
  txn: { asked: { steps }, told: { steps: stepsTold } },
  transfer: { asked: { from: text, to: text, amount }, told: { done: flagOrNull } },
  balances: { asked: {}, told: { balances } },
  submit: { asked: { appender: text, sequence: amount }, told: {} },
  log: { asked: {}, told: { entries } },
  acquire: { asked: {}, told: { token: countOrNull } },
  release: { asked: { token: count }, told: {} },
  guarded: { asked: { token: count }, told: { accepted: flag } },
  grant: { asked: { ttlMs: amount, callMs: milliseconds }, told: { returnMs: milliseconds } },
  renew: { asked: { callMs: milliseconds }, told: { found: flagOrNull, returnMs: millisecondsOrNull } },
  revoke: { asked: { callMs: milliseconds }, told: { returnMs: millisecondsOrNull } },
  alive: { asked: { callMs: milliseconds }, told: { alive: flag, returnMs: milliseconds } },
  change: { asked: { changes }, told: { revision: countOrNull } },
  watch: { asked: { watcher: text, start: text, end: textOrNull, from: count }, told: { received } },
};

function isNumber(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
}

function isElement(value: unknown): boolean {
  return typeof value === "string" || isNumber(value);
}

/** A place in the order of calls and returns, a revision, a count. */
export function isPosition(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPair(value: unknown, first: string): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === first;
}

function isStep(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3 || typeof value[1] !== "string") return false;
  if (value[0] === "append") return isElement(value[2]);
  return value[0] === "read" && (value[2] === null || elements[0](value[2]));
}

function isChange(value: unknown): boolean {
  return isPair(value, "string") && (value[1] === null || typeof value[1] === "string");
}

function isMessage(value: unknown): boolean {
  if (!isRecord(value)) return false;
  return "progress" in value
    ? isPosition(value["progress"])
    : isPosition(value["revision"]) && changes[0](value["changes"]);
}
