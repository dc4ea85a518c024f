import type * as clientPackage from "@raftkv/client";
import type { Client, Operation, Range, Txn } from "@raftkv/client";
import { usageError } from "../errors.js";
import type { CliError } from "../errors.js";

/** One key, or several. */
export type Keys = Uint8Array | Range<Uint8Array>;

/** What can be compared, and the names that etcdctl has for it. */
export const TARGETS = {
  value: "value",
  val: "value",
  version: "version",
  ver: "version",
  createRevision: "createRevision",
  create: "createRevision",
  modRevision: "modRevision",
  mod: "modRevision",
  lease: "lease",
} as const;
export type Target = (typeof TARGETS)[keyof typeof TARGETS];

export const RELATIONS = { "=": "equals", "!=": "notEquals", "<": "lessThan", ">": "greaterThan" } as const;
export type Relation = keyof typeof RELATIONS;

export type ComparePlan =
  | {
      readonly target: "value";
      readonly keys: Keys;
      readonly relation: Relation;
      readonly operand: Uint8Array;
    }
  | {
      readonly target: Exclude<Target, "value">;
      readonly keys: Keys;
      readonly relation: Relation;
      readonly operand: number;
    };

export type OperationPlan =
  | {
      readonly op: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly lease: number;
      readonly previous: boolean;
    }
  | {
      readonly op: "get";
      readonly keys: Keys;
      readonly limit: number;
      readonly order: "ascending" | "descending";
      readonly keysOnly: boolean;
      readonly countOnly: boolean;
    }
  | { readonly op: "del"; readonly keys: Keys; readonly previous: boolean }
  | { readonly op: "txn"; readonly plan: TxnPlan };

/** A transaction as it was written, checked for its form. */
export interface TxnPlan {
  readonly compares: readonly ComparePlan[];
  readonly then: readonly OperationPlan[];
  readonly else: readonly OperationPlan[];
}

/** What was written is no transaction. `where` is a line, or a path in the JSON. */
export function badTxn(where: string, what: string): CliError {
  return usageError(`the transaction on standard input, ${where}: ${what}`, "BAD_INPUT");
}

type ClientPackage = typeof clientPackage;

function compareOf({ compare }: ClientPackage, plan: ComparePlan) {
  const method = RELATIONS[plan.relation];
  const comparable = compare(plan.keys);
  return plan.target === "value"
    ? comparable.value[method](plan.operand)
    : comparable[plan.target][method](plan.operand);
}

function operationOf(client: ClientPackage, plan: OperationPlan): Operation | Txn {
  switch (plan.op) {
    case "put":
      return client.put(plan.key, plan.value, { lease: plan.lease, previous: plan.previous });
    case "get":
      return client.get(plan.keys, plan);
    case "del":
      return client.del(plan.keys, { previous: plan.previous });
    case "txn":
      return filled(client, client.txn(), plan.plan);
  }
}

function filled(client: ClientPackage, txn: Txn, plan: TxnPlan): Txn {
  return txn
    .if(...plan.compares.map((compare) => compareOf(client, compare)))
    .then(...plan.then.map((operation) => operationOf(client, operation)))
    .else(...plan.else.map((operation) => operationOf(client, operation)));
}

/** The transaction, to be committed. */
export async function txnOf(client: Client, plan: TxnPlan): Promise<{ readonly txn: Txn }> {
  // In an object: what has a `then` cannot be what a promise resolves with.
  return { txn: filled(await import("@raftkv/client"), client.txn(), plan) };
}
