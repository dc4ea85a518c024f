import { Op, RaftKvError, requestBytes, requestWeight, txnRequest } from "@raftkv/protocol";
import type { ErrorReply, Limits, Reply, Txn, TxnOp, TxnOpResult, WireRequest } from "@raftkv/protocol";
import { keyValueFromReply } from "../key-value.js";
import type { Route } from "../leader-finder.js";
import type { OperationResult, Transaction } from "../operations.js";
import { bytesFault, rangeFault } from "./call.js";
import type { Call } from "./call.js";

/** A transaction, also a batch of an appender. Its result is a `TxnResult`. */
export class TxnCall implements Call {
  readonly #txn: Transaction;

  constructor(txn: Transaction) {
    this.#txn = txn;
  }

  get op(): typeof Op.txn {
    return Op.txn;
  }

  get route(): Route {
    return "write";
  }

  /** One that only reads may be carried out twice as well, but its answer must then be of one moment: treated alike. */
  get isIdempotent(): boolean {
    return false;
  }

  get isWrite(): boolean {
    return true;
  }

  fault(limits: Limits): RaftKvError | null {
    const fault = txnFault(this.#txn.txn, limits);
    if (fault !== null) return fault;
    const wire = this.toWire(Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER);
    const operations = requestWeight(wire) - 1;
    const limit = limits.operationsInTxn;
    if (operations > limit) {
      const message = `the transaction has ${operations} operations, the cluster takes ${limit}`;
      return new RaftKvError("TOO_LARGE", message, { limit });
    }
    const bytes = requestBytes(wire);
    if (bytes <= limits.frameBytes) return null;
    const message = `the transaction takes ${bytes} bytes, the cluster takes ${limits.frameBytes}`;
    return new RaftKvError("TOO_LARGE", message, { limit: limits.frameBytes });
  }

  toWire(id: number, deadlineMs: number, predecessor: number): WireRequest {
    return txnRequest(id, deadlineMs, this.#txn.txn, predecessor);
  }

  resultOf(reply: Exclude<Reply, ErrorReply>): unknown {
    if (reply.op !== Op.txn) return undefined;
    const { revision, succeeded } = reply;
    const branch = succeeded ? this.#txn.then : this.#txn.else;
    return { revision, succeeded, results: resultsOf(reply.results, branch) };
  }
}

function txnFault(txn: Txn, limits: Limits): RaftKvError | null {
  for (const { range, target, operand } of txn.compares) {
    const fault = rangeFault(range, limits);
    if (fault !== null) return fault;
    if (target === "value") {
      const valueFault = bytesFault(range.start, operand, limits);
      if (valueFault !== null) return valueFault;
    }
  }
  for (const op of [...txn.then, ...txn.else]) {
    const fault = operationFault(op, limits);
    if (fault !== null) return fault;
  }
  return null;
}

function operationFault(op: TxnOp, limits: Limits): RaftKvError | null {
  switch (op.kind) {
    case "put":
      return bytesFault(op.key, op.value, limits);
    case "get":
    case "delete":
      return rangeFault(op.range, limits);
    case "txn":
      return txnFault(op, limits);
  }
}

/** A reply that does not fit the operations is a node's mistake; what is missing is taken for text. */
function resultsOf(results: readonly TxnOpResult[], branch: Transaction["then"]): OperationResult[] {
  return results.map((result, i) => {
    const operation = branch[i];
    const asText = operation?.asText ?? true;
    switch (result.kind) {
      case "put": {
        const { previous } = result;
        return { kind: "put", previous: previous === null ? null : keyValueFromReply(previous, asText) };
      }
      case "delete": {
        const previous = result.previous.map((kv) => keyValueFromReply(kv, asText));
        return { kind: "delete", deleted: result.deleted, previous };
      }
      case "get": {
        const entries = result.entries.map((kv) => keyValueFromReply(kv, asText));
        return { kind: "get", kv: entries[0] ?? null, entries, more: result.more, count: result.count };
      }
      case "txn": {
        const nested = operation?.nested ?? null;
        const inner = (result.succeeded ? nested?.then : nested?.else) ?? [];
        return { kind: "txn", succeeded: result.succeeded, results: resultsOf(result.results, inner) };
      }
    }
  });
}
