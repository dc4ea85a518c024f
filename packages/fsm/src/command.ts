import type { KeyRange } from "@raftkv/store";
import type { Settings } from "./settings.js";

/** What an entry of the log asks the state machine to do. Keys and values are bytes; a number that is 0 is none. */
export type Command =
  | Put
  | Delete
  | (Txn & { readonly kind: "txn" })
  | { readonly kind: "leaseGrant"; readonly ttlMs: number }
  | { readonly kind: "leaseRevoke"; readonly lease: number }
  | { readonly kind: "leaseKeepAlive"; readonly leases: readonly number[] }
  /** Opens the session that has the index of this entry. It comes without a session itself. */
  | { readonly kind: "sessionOpen"; readonly ttlMs: number }
  /** Of the session in the envelope. Needs no number: nothing is recorded. */
  | { readonly kind: "sessionKeepAlive" }
  | { readonly kind: "sessionClose" }
  /** Versions that no read at or above `revision` needs may go. */
  | { readonly kind: "compact"; readonly revision: number }
  | {
      readonly kind: "catalogChange";
      readonly expectedVersion: number;
      readonly routes: readonly RouteChange[];
    }
  /** Of the leader: log time has reached something that is due (F5). */
  | { readonly kind: "clock" }
  | { readonly kind: "settingsChange"; readonly settings: Partial<Settings> }
  /** Of the leader: all replicas are to be compared as of this entry. Changes nothing. */
  | { readonly kind: "hashCheck" };

export interface Put {
  readonly kind: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: number;
  readonly wantPrevious: boolean;
}

export interface Delete {
  readonly kind: "delete";
  readonly range: KeyRange;
  readonly wantPrevious: boolean;
}

/** Reads inside a transaction. The bounds on revisions include them; 0 is no bound, and no limit. */
export interface Get {
  readonly kind: "get";
  readonly range: KeyRange;
  readonly limit: number;
  readonly order: "ascending" | "descending";
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

/**
 * All compares hold: `then`, otherwise `else`. As in etcd, every compare, of nested transactions too, is judged by what
 * was there before the outermost transaction; reads see the writes before them.
 */
export interface Txn {
  readonly compares: readonly Compare[];
  readonly then: readonly Op[];
  readonly else: readonly Op[];
}

export type Op = Put | Delete | Get | (Txn & { readonly kind: "txn" });

export type CompareRelation = "=" | "!=" | "<" | ">";
export type CompareNumberTarget = "version" | "create" | "mod" | "lease";

/**
 * Holds when it does for every key in the range. Where no key is, numbers are taken for 0, and a compare of values does
 * not hold, whatever its relation.
 */
export type Compare =
  | {
      readonly range: KeyRange;
      readonly target: "value";
      readonly relation: CompareRelation;
      readonly operand: Uint8Array;
    }
  | {
      readonly range: KeyRange;
      readonly target: CompareNumberTarget;
      readonly relation: CompareRelation;
      readonly operand: number;
    };

/** One route of the whole catalog as it is to be. */
export interface RouteChange {
  /** Of a route that there is; 0 for a new one. */
  readonly routeId: number;
  readonly start: Uint8Array;
  readonly end: Uint8Array | null;
  readonly groupId: number;
}

/** Who asks, and what has been answered: what makes a retry harmless (F3). */
export interface Envelope {
  /** 0: the command belongs to no session, and a retry of it would be another one. */
  readonly session: number;
  /** Of this command in its session, from 1; 0: a retry does no harm, so nothing is recorded. */
  readonly number: number;
  /** The client has received the answers of all numbers below. */
  readonly answeredBelow: number;
  /**
   * This one is refused until that number is applied, and for good when that one was refused; 0: there is none. The
   * client does not count a refused one as answered while one that names it may still be under way.
   */
  readonly predecessor: number;
}

export const NO_SESSION: Envelope = { session: 0, number: 0, answeredBelow: 0, predecessor: 0 };
