import { nameOf } from "./bytes.js";
import { routesProblem } from "./catalog-change.js";
import type { Command, Compare, Op, Txn } from "./command.js";
import { CommandTooLargeError, InvalidCommandError } from "./errors.js";
import { isEmptyRange } from "./key-range.js";
import type { KeyRange } from "@raftkv/store";
import { SETTING_NAMES } from "./settings.js";

/** What a node admits (C7, F1): a knob each. What is in the log has passed some node's limits and is not judged again. */
export interface CommandLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** Operations of a transaction, of both branches and of nested ones; and as many compares. */
  readonly operationsMax: number;
  /** Transactions in transactions, the outermost counted. */
  readonly nestingMax: number;
  /** Leases that one keep-alive may name. */
  readonly leasesMax: number;
  readonly routesMax: number;
  /** Of leases and sessions. */
  readonly ttlMsMin: number;
  readonly ttlMsMax: number;
}

export const DEFAULT_COMMAND_LIMITS: CommandLimits = {
  keyBytesMax: 64 * 1024,
  valueBytesMax: 1024 * 1024,
  operationsMax: 1024,
  nestingMax: 16,
  leasesMax: 1024,
  routesMax: 1024,
  ttlMsMin: 1,
  ttlMsMax: 10 * 365 * 24 * 60 * 60 * 1000,
};

/**
 * Judges a command before it is proposed.
 * @throws {CommandTooLargeError} it is above a limit, which is named.
 * @throws {InvalidCommandError} it makes no sense.
 */
export function validateCommand(command: Command, limits: CommandLimits): void {
  switch (command.kind) {
    case "put":
      checkKey(command.key, limits);
      checkValue(command.value, limits);
      return;
    case "delete":
      checkRange(command.range, limits);
      return;
    case "txn":
      checkTxn(command, limits);
      return;
    case "leaseGrant":
    case "sessionOpen":
      checkTtl(command.ttlMs, limits);
      return;
    case "leaseKeepAlive":
      checkCount("leasesMax", "leases in one keep-alive", command.leases.length, limits);
      return;
    case "catalogChange": {
      checkCount("routesMax", "routes of the catalog", command.routes.length, limits);
      for (const route of command.routes) checkRange(route, limits);
      const problem = routesProblem(command.routes);
      if (problem !== null) throw new InvalidCommandError(problem);
      return;
    }
    case "settingsChange":
      for (const name of SETTING_NAMES) {
        const value = command.settings[name] ?? 1;
        if (Number.isSafeInteger(value) && value >= 1) continue;
        throw new InvalidCommandError(`${name} is ${value}: a whole number from 1 is wanted`);
      }
      return;
    case "leaseRevoke":
    case "sessionKeepAlive":
    case "sessionClose":
    case "compact":
    case "clock":
    case "hashCheck":
      return;
  }
}

function checkKey(key: Uint8Array, limits: CommandLimits): void {
  checkCount("keyBytesMax", "bytes of a key", key.length, limits);
}

function checkValue(value: Uint8Array, limits: CommandLimits): void {
  checkCount("valueBytesMax", "bytes of a value", value.length, limits);
}

/** The end of a range need be no key: what follows the longest key at once is one byte longer. */
function checkRange(range: KeyRange, limits: CommandLimits): void {
  checkKey(range.start, limits);
  if (range.end === null || range.end.length <= limits.keyBytesMax + 1) return;
  checkKey(range.end, limits);
}

function checkTtl(ttlMs: number, limits: CommandLimits): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= limits.ttlMsMin && ttlMs <= limits.ttlMsMax) return;
  throw new InvalidCommandError(
    `a time to live of ${ttlMs} ms: allowed are ${limits.ttlMsMin} (ttlMsMin) to ${limits.ttlMsMax} (ttlMsMax)`,
  );
}

function checkCount(limit: keyof CommandLimits, what: string, found: number, limits: CommandLimits): void {
  const max = limits[limit];
  if (found > max) throw new CommandTooLargeError(limit, { max, found, what });
}

function checkTxn(txn: Txn, limits: CommandLimits): void {
  const counts = { operations: 0, compares: 0, nesting: 0 };
  countIn(txn, 1, counts);
  checkCount("operationsMax", "operations of a transaction", counts.operations, limits);
  checkCount("operationsMax", "compares of a transaction", counts.compares, limits);
  checkCount("nestingMax", "transactions in one another", counts.nesting, limits);
  checkParts(txn, limits);
  checkWrites(txn);
}

function countIn(
  txn: Txn,
  nesting: number,
  counts: { operations: number; compares: number; nesting: number },
): void {
  counts.nesting = Math.max(counts.nesting, nesting);
  counts.compares += txn.compares.length;
  counts.operations += txn.then.length + txn.else.length;
  for (const branch of [txn.then, txn.else]) {
    for (const op of branch) if (op.kind === "txn") countIn(op, nesting + 1, counts);
  }
}

function checkParts(txn: Txn, limits: CommandLimits): void {
  for (const compare of txn.compares) checkCompare(compare, limits);
  for (const branch of [txn.then, txn.else]) for (const op of branch) checkOp(op, limits);
}

function checkCompare(compare: Compare, limits: CommandLimits): void {
  checkRange(compare.range, limits);
  if (compare.target === "value") checkValue(compare.operand, limits);
}

function checkOp(op: Op, limits: CommandLimits): void {
  switch (op.kind) {
    case "put":
      checkKey(op.key, limits);
      checkValue(op.value, limits);
      return;
    case "delete":
    case "get":
      checkRange(op.range, limits);
      return;
    case "txn":
      checkParts(op, limits);
      return;
  }
}

/** What operations may write, whichever of the branches are taken; names are latin1, so in the order of the keys. */
interface Writes {
  readonly puts: Set<string>;
  readonly deletes: { readonly start: string; readonly end: string | null }[];
}

/**
 * As in etcd, no key is put twice on one way through the branches, nor put and deleted: at one revision a key has one
 * version.
 */
function checkWrites(txn: Txn): Writes {
  const then = writesOf(txn.then);
  const otherwise = writesOf(txn.else);
  return {
    puts: new Set([...then.puts, ...otherwise.puts]),
    deletes: [...then.deletes, ...otherwise.deletes],
  };
}

function writesOf(ops: readonly Op[]): Writes {
  const all: Writes = { puts: new Set(), deletes: [] };
  for (const op of ops) {
    const writes = writesOfOp(op);
    for (const name of writes.puts) {
      if (all.puts.has(name)) throw duplicate(name, "is put twice");
      if (isDeleted(name, all)) throw duplicate(name, "is put and deleted");
    }
    for (const name of writes.deletes.length === 0 ? [] : all.puts) {
      if (isDeleted(name, writes)) throw duplicate(name, "is put and deleted");
    }
    for (const name of writes.puts) all.puts.add(name);
    all.deletes.push(...writes.deletes);
  }
  return all;
}

function writesOfOp(op: Op): Writes {
  switch (op.kind) {
    case "put":
      return { puts: new Set([nameOf(op.key)]), deletes: [] };
    case "delete": {
      const { start, end } = op.range;
      if (isEmptyRange(op.range)) return { puts: new Set(), deletes: [] };
      return {
        puts: new Set(),
        deletes: [{ start: nameOf(start), end: end === null ? null : nameOf(end) }],
      };
    }
    case "get":
      return { puts: new Set(), deletes: [] };
    case "txn":
      return checkWrites(op);
  }
}

function isDeleted(name: string, writes: Writes): boolean {
  return writes.deletes.some(({ start, end }) => name >= start && (end === null || name < end));
}

function duplicate(name: string, what: string): InvalidCommandError {
  return new InvalidCommandError(`a transaction in which the key ${JSON.stringify(name)} ${what}`);
}
