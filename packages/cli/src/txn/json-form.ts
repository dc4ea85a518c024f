import { RELATIONS, TARGETS, badTxn } from "./plan.js";
import type { ComparePlan, Keys, OperationPlan, Relation, TxnPlan } from "./plan.js";

// {"if":   [{"key": "seat/12", "target": "version", "relation": "=", "operand": 0}],
//  "then": [{"op": "put", "key": "seat/12", "value": "alice"}],
//  "else": [{"op": "get", "key": "seat/12"}]}
//
// Bytes that are no text stand as base64 in `keyBase64`, `valueBase64` and so on.

type Fields = Readonly<Record<string, unknown>>;

const KEY_FIELDS = ["key", "prefix", "start", "end"].flatMap((name) => [name, `${name}Base64`]);

function fieldsOf(value: unknown, where: string, allowed: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badTxn(where, `${JSON.stringify(value)} is no object`);
  }
  const unknown = Object.keys(value).filter((name) => !allowed.includes(name));
  if (unknown.length > 0)
    throw badTxn(where, `${unknown.join(", ")} is not known here: there are ${allowed.join(", ")}`);
  return value as Fields;
}

/** A field and its form in base64; null when neither is there. */
function bytesIn(fields: Fields, name: string, where: string): Buffer | null {
  const text = fields[name] ?? null;
  const base64 = fields[`${name}Base64`] ?? null;
  if (text !== null && base64 !== null) throw badTxn(where, `give one of ${name} and ${name}Base64`);
  if (typeof text === "string") return Buffer.from(text);
  if (text !== null) throw badTxn(where, `${name} is ${JSON.stringify(text)}, but must be a text`);
  if (base64 === null) return null;
  const bytes = typeof base64 === "string" ? Buffer.from(base64, "base64") : null;
  if (bytes !== null && bytes.toString("base64") === base64) return bytes;
  throw badTxn(where, `${name}Base64 is ${JSON.stringify(base64)}, but must be base64`);
}

function required(fields: Fields, name: string, where: string): Buffer {
  const bytes = bytesIn(fields, name, where);
  if (bytes === null) throw badTxn(where, `${name} is missing`);
  return bytes;
}

function keysIn(fields: Fields, where: string): Keys {
  const [key, prefix, start, end] = ["key", "prefix", "start", "end"].map((name) =>
    bytesIn(fields, name, where),
  );
  const given = [key, prefix, start].filter((bytes) => bytes !== null && bytes !== undefined);
  const [bytes] = given;
  if (given.length !== 1 || bytes === undefined) throw badTxn(where, "give one of key, prefix and start");
  if (end && bytes !== start) throw badTxn(where, "end goes with start");
  if (bytes === key) return bytes;
  if (bytes === prefix) return { prefix: bytes };
  return { start: bytes, ...(end ? { end } : {}) };
}

function numberIn(fields: Fields, name: string, where: string): number {
  const value = fields[name] ?? 0;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badTxn(where, `${name} is ${JSON.stringify(value)}, but must be a whole number`);
}

function flagIn(fields: Fields, name: string, where: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === "boolean") return value;
  throw badTxn(where, `${name} is ${JSON.stringify(value)}, but must be true or false`);
}

function oneOf<T extends string>(value: unknown, name: string, allowed: readonly T[], where: string): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw badTxn(where, `${name} is ${JSON.stringify(value)}, but must be one of ${allowed.join(" ")}`);
}

function compareIn(value: unknown, where: string): ComparePlan {
  const names = [...KEY_FIELDS, "target", "relation", "operand", "operandBase64"];
  const fields = fieldsOf(value, where, names);
  const name = oneOf(fields["target"], "target", Object.keys(TARGETS) as (keyof typeof TARGETS)[], where);
  const relation = oneOf(fields["relation"], "relation", Object.keys(RELATIONS) as Relation[], where);
  const target = TARGETS[name];
  const keys = keysIn(fields, where);
  if (target === "value") return { target, keys, relation, operand: required(fields, "operand", where) };
  if (fields["operand"] === undefined) throw badTxn(where, "operand is missing");
  return { target, keys, relation, operand: numberIn(fields, "operand", where) };
}

function operationIn(value: unknown, where: string): OperationPlan {
  const op = oneOf((value as Fields | null)?.["op"], "op", ["put", "get", "del", "txn"], where);
  switch (op) {
    case "put": {
      const names = ["op", "key", "keyBase64", "value", "valueBase64", "lease", "previous"];
      const fields = fieldsOf(value, where, names);
      return {
        op,
        key: required(fields, "key", where),
        value: required(fields, "value", where),
        lease: numberIn(fields, "lease", where),
        previous: flagIn(fields, "previous", where),
      };
    }
    case "get": {
      const names = ["op", ...KEY_FIELDS, "limit", "order", "keysOnly", "countOnly"];
      const fields = fieldsOf(value, where, names);
      const order = fields["order"] ?? "ascending";
      return {
        op,
        keys: keysIn(fields, where),
        limit: numberIn(fields, "limit", where),
        order: oneOf(order, "order", ["ascending", "descending"], where),
        keysOnly: flagIn(fields, "keysOnly", where),
        countOnly: flagIn(fields, "countOnly", where),
      };
    }
    case "del": {
      const fields = fieldsOf(value, where, ["op", ...KEY_FIELDS, "previous"]);
      return { op, keys: keysIn(fields, where), previous: flagIn(fields, "previous", where) };
    }
    case "txn":
      return { op, plan: planIn(value, where, ["op"]) };
  }
}

function listIn<T>(
  fields: Fields,
  name: string,
  where: string,
  each: (value: unknown, at: string) => T,
): T[] {
  const value = fields[name] ?? [];
  const path = where === "" ? name : `${where}.${name}`;
  if (!Array.isArray(value)) throw badTxn(path, "an array is wanted");
  return value.map((item, index) => each(item, `${path}[${index}]`));
}

function planIn(value: unknown, where: string, more: readonly string[] = []): TxnPlan {
  const fields = fieldsOf(value, where === "" ? "at its top" : where, ["if", "then", "else", ...more]);
  return {
    compares: listIn(fields, "if", where, compareIn),
    then: listIn(fields, "then", where, operationIn),
    else: listIn(fields, "else", where, operationIn),
  };
}

/** @throws {CliError} BAD_INPUT, naming the place. */
export function parseTxnJson(text: string): TxnPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badTxn("as JSON", (error as Error).message);
  }
  return planIn(value, "");
}
