import type { KeyValue } from "@raftkv/store";
import type { Settings } from "./settings.js";

/** What became of a command. The same on every replica, and again for a retry in the same session (F3). */
export type CommandResult =
  /** `revision` is that of the put. `previous`: asked for, and the key was there. */
  | { readonly kind: "put"; readonly revision: number; readonly previous: KeyValue | null }
  /** `revision` is that of the delete, or the current one when nothing was there. `previous` in the order of keys, if asked for. */
  | {
      readonly kind: "delete";
      readonly revision: number;
      readonly deleted: number;
      readonly previous: readonly KeyValue[];
    }
  /** `revision` is that of its writes, or the current one when it wrote nothing. */
  | ({ readonly kind: "txn"; readonly revision: number } & TxnOutcome)
  | { readonly kind: "leaseGrant"; readonly lease: number; readonly ttlMs: number }
  /** `deleted` keys were attached. */
  | { readonly kind: "leaseRevoke"; readonly revision: number; readonly deleted: number }
  /** In the order asked; `ttlMs` 0: there is no such lease. */
  | {
      readonly kind: "leaseKeepAlive";
      readonly leases: readonly { readonly lease: number; readonly ttlMs: number }[];
    }
  | { readonly kind: "sessionOpen"; readonly session: number; readonly ttlMs: number }
  | { readonly kind: "sessionKeepAlive"; readonly ttlMs: number }
  | { readonly kind: "sessionClose" }
  /** Reads below `floor` fail from here on. */
  | { readonly kind: "compact"; readonly floor: number }
  | { readonly kind: "catalogChange"; readonly version: number }
  | {
      readonly kind: "clock";
      readonly leases: readonly number[];
      readonly sessions: readonly number[];
      readonly deleted: number;
    }
  /** All of them, as they are now. */
  | { readonly kind: "settingsChange"; readonly settings: Settings }
  | { readonly kind: "hashCheck" }
  /** Of a retry: it was carried out at `revision`, and the answer was too large to be kept. */
  | { readonly kind: "notKept"; readonly revision: number }
  | Refused;

export interface TxnOutcome {
  /** All compares held, so `then` was carried out. */
  readonly succeeded: boolean;
  /** One for each operation of the branch. */
  readonly results: readonly OpResult[];
}

export type OpResult =
  | { readonly kind: "put"; readonly previous: KeyValue | null }
  | { readonly kind: "delete"; readonly deleted: number; readonly previous: readonly KeyValue[] }
  /** `count`: all that match; null when it is not known since `more` were cut off by the limit. */
  | {
      readonly kind: "get";
      readonly entries: readonly KeyValue[];
      readonly more: boolean;
      readonly count: number | null;
    }
  | ({ readonly kind: "txn" } & TxnOutcome);

export type RefusalCode =
  | "LEASE_NOT_FOUND"
  /** The session is not open (any more): it expired, or was closed. */
  | "SESSION_EXPIRED"
  /** The predecessor that the command names is not applied yet. Nothing is recorded. */
  | "OUT_OF_ORDER"
  /** The predecessor was refused, so whatever follows it is too: recorded, so no late copy is carried out. */
  | "PREDECESSOR_FAILED"
  /** The client said that it has the answer, so it was forgotten. */
  | "OUTCOME_UNKNOWN"
  | "CATALOG_VERSION_CONFLICT"
  | "COMPACTED"
  | "FUTURE_REVISION"
  /** Too many sessions, leases, or answers that were not received. Nothing is recorded. */
  | "OVERLOADED"
  /** It touches more keys, or its answer takes more bytes, than the settings allow. */
  | "TOO_LARGE"
  | "INVALID_ARGUMENT"
  | "WRONG_ROUTE";

/** It changed nothing. `facts` are numbers by name: the lease that was not found, the limit that was met. */
export interface Refused {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly facts: Readonly<Record<string, number>>;
}

export function refused(code: RefusalCode, facts: Readonly<Record<string, number>> = {}): Refused {
  return { kind: "refused", code, facts };
}
