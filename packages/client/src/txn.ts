import { RaftKvError } from "@raftkv/protocol";
import type { Compare, NestedTxn } from "@raftkv/protocol";
import { checkOperation } from "./operations.js";
import type { Operation, OperationResult, Transaction } from "./operations.js";
import type { RequestOptions } from "./options.js";

/** What became of a transaction. */
export interface TxnResult {
  /** The store's revision behind it. */
  readonly revision: number;
  /** Whether all compares held, and so `then` was carried out; else `else` was. */
  readonly succeeded: boolean;
  /** One for each operation that was carried out, in their order. */
  readonly results: readonly OperationResult[];
}

type Commit = (transaction: Transaction, options: RequestOptions) => Promise<TxnResult>;

/** A transaction being put together. Each call gives a new one. */
export class Txn {
  readonly #commit: Commit | null;
  readonly #compares: readonly Compare[];
  readonly #then: readonly Operation[];
  readonly #else: readonly Operation[];

  /** Use `client.txn`, or `txn` for one within another. */
  constructor(
    commit: Commit | null,
    compares: readonly Compare[] = [],
    then: readonly Operation[] = [],
    otherwise: readonly Operation[] = [],
  ) {
    this.#commit = commit;
    this.#compares = compares;
    this.#then = then;
    this.#else = otherwise;
  }

  /** Compares that must all hold. */
  if(...compares: readonly Compare[]): Txn {
    for (const one of compares) {
      if ((one as Compare | undefined)?.range === undefined)
        throw new RaftKvError(
          "INVALID_ARGUMENT",
          "if() takes what compare(key) makes, as compare(key).version.equals(0)",
        );
    }
    return new Txn(this.#commit, [...this.#compares, ...compares], this.#then, this.#else);
  }

  /** What is done when they do. */
  then(...operations: readonly (Operation | Txn)[]): Txn {
    refuseAwait(operations);
    return new Txn(this.#commit, this.#compares, [...this.#then, ...operations.map(toOperation)], this.#else);
  }

  /** What is done when one does not. */
  else(...operations: readonly (Operation | Txn)[]): Txn {
    return new Txn(this.#commit, this.#compares, this.#then, [...this.#else, ...operations.map(toOperation)]);
  }

  /**
   * Carries it out, all or nothing, at one revision.
   * @throws {RaftKvError} as `put`; INVALID_ARGUMENT: a key is put twice, or put and deleted; LEASE_NOT_FOUND.
   */
  commit(options: RequestOptions = {}): Promise<TxnResult> {
    if (this.#commit !== null) return this.#commit(this.build(), options);
    const message = "a transaction made by txn() stands in another: client.txn() makes one to commit";
    return Promise.reject(new RaftKvError("INVALID_ARGUMENT", message));
  }

  build(): Transaction {
    const ops = (operations: readonly Operation[]) => operations.map(({ op }) => op);
    const txn = { compares: this.#compares, then: ops(this.#then), else: ops(this.#else) };
    return { txn, then: this.#then, else: this.#else };
  }
}

/** A transaction to stand in another. */
export function txn(): Txn {
  return new Txn(null);
}

/** Whoever awaits what has a `then` calls that with two functions, and would wait for ever. */
function refuseAwait(given: readonly unknown[]): void {
  const [, reject] = given;
  if (typeof reject !== "function") return;
  const message = "a transaction was awaited that was not committed: commit() gives the promise";
  (reject as (error: unknown) => void)(new RaftKvError("INVALID_ARGUMENT", message));
}

function toOperation(given: Operation | Txn): Operation {
  if (!(given instanceof Txn)) return checkOperation(given);
  const nested = given.build();
  const op: NestedTxn = { kind: "txn", ...nested.txn };
  return { op, asText: false, nested };
}
