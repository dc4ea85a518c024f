import { endOf, splitByKey } from "./history.js";
import type { Alive, Grant, LeaseOperation, Renew, Revoke } from "./history.js";
import { validateHistory } from "./validate.js";

export interface LeaseFinding {
  readonly kind: "expired early" | "expired late" | "came back" | "never granted";
  readonly key: string;
  readonly operation: Alive | Renew;
  readonly reason: string;
}

export interface LeaseOptions {
  /**
   * How much longer than its time a lease may stay, in milliseconds: elections, pauses and a leader that grants every lease its
   * full time again all prolong it (F5). `null`: however long.
   */
  readonly graceMs: number | null;
  /** By how much the clocks of servers may run faster than the one of the history. Default 0. */
  readonly driftRatio?: number;
}

export interface LeaseResult {
  readonly ok: boolean;
  readonly findings: readonly LeaseFinding[];
  /** Looks and renewals with an answer. A history without one proves nothing, and is not `ok`. */
  readonly looks: number;
  /** Leases that were seen to be gone although nobody revoked them. */
  readonly expired: number;
}

/** A look at a lease: a renewal tells whether it was there, too. */
interface Look {
  readonly operation: Alive | Renew;
  readonly isThere: boolean;
  readonly callMs: number;
  readonly returnMs: number;
}

/**
 * A lease stays for its time after every grant and renewal, counted from when that was called at the earliest; it goes
 * afterwards, unless revoked before; and what is gone stays gone, until it is granted anew.
 * @throws {HistoryError} the history is malformed or has other operations than `grant`, `renew`, `revoke` and `alive`.
 */
export function checkLeases(history: readonly LeaseOperation[], options: LeaseOptions): LeaseResult {
  validateHistory(history, ["grant", "renew", "revoke", "alive"]);
  const findings: LeaseFinding[] = [];
  let looks = 0;
  let expired = 0;
  for (const [key, operations] of splitByKey(history)) {
    const happened = operations.filter(({ outcome }) => outcome !== "fail");
    const lease = new LeaseFacts(happened, options);
    const found = happened.flatMap(lookOf);
    looks += found.length;
    if (found.some(({ isThere }) => !isThere) && !happened.some(({ op }) => op === "revoke")) expired += 1;
    for (const look of found) {
      const finding = look.isThere ? lease.judgeThere(look, found) : lease.judgeGone(look);
      if (finding !== null) findings.push({ key, operation: look.operation, ...finding });
    }
  }
  return { ok: findings.length === 0 && looks > 0, findings, looks, expired };
}

function lookOf(operation: LeaseOperation): Look[] {
  if (operation.outcome !== "ok" || operation.op === "grant" || operation.op === "revoke") return [];
  const isThere = operation.op === "alive" ? operation.alive : operation.found;
  const { callMs, returnMs } = operation;
  return isThere === null || returnMs === null ? [] : [{ operation, isThere, callMs, returnMs }];
}

type Found = Pick<LeaseFinding, "kind" | "reason"> | null;

/** What is known of one lease. */
class LeaseFacts {
  readonly #options: LeaseOptions;
  readonly #grants: readonly Grant[];
  readonly #renewals: readonly Renew[];
  readonly #revokes: readonly Revoke[];

  constructor(operations: readonly LeaseOperation[], options: LeaseOptions) {
    this.#options = options;
    this.#grants = operations.filter((operation) => operation.op === "grant");
    this.#renewals = operations
      .filter((operation) => operation.op === "renew")
      .filter(({ found }) => found !== false);
    this.#revokes = operations.filter((operation) => operation.op === "revoke");
  }

  /** It may be gone only when its time has passed since the last answer that gave it time, or somebody may have revoked it. */
  judgeGone({ operation, returnMs }: Look): Found {
    if (this.#revokes.some(({ call }) => call < endOf(operation))) return null;
    const ttlMs = Math.min(...this.#grants.map((grant) => grant.ttlMs));
    let last: Grant | Renew | null = null;
    for (const given of [...this.#grants, ...this.#renewals])
      if (endOf(given) < operation.call && (last === null || given.callMs > last.callMs)) last = given;
    if (last === null) return null;
    const least = ttlMs / (1 + (this.#options.driftRatio ?? 0));
    const passedMs = returnMs - last.callMs;
    if (passedMs >= least) return null;
    const reason = `at most ${passedMs} ms after it was given ${ttlMs} ms by process ${last.process} (call ${last.call})`;
    return { kind: "expired early", reason };
  }

  judgeThere(look: Look, looks: readonly Look[]): Found {
    const { operation } = look;
    const begun = this.#grants.filter(({ call }) => call < endOf(operation));
    if (begun.length === 0) return { kind: "never granted", reason: "nobody had asked for it yet" };
    const gone = looks.find(({ isThere, operation: other }) => !isThere && endOf(other) < operation.call);
    // A grant that may have come after it was seen to be gone brings it back.
    const isAnew = (other: Alive | Renew): boolean =>
      this.#grants.some((grant) => endOf(grant) > other.call && grant.call < endOf(operation));
    if (gone !== undefined && !isAnew(gone.operation))
      return {
        kind: "came back",
        reason: `process ${gone.operation.process} had seen it gone (call ${gone.operation.call})`,
      };
    return this.#judgeLate(look, begun);
  }

  #judgeLate({ callMs, operation }: Look, begun: readonly Grant[]): Found {
    const { graceMs } = this.#options;
    if (graceMs === null) return null;
    const given = [...begun, ...this.#renewals.filter(({ call }) => call < endOf(operation))];
    // One of unknown outcome may have given it time at any moment since; this very look, if it renews, gives it time too late.
    const others = given.filter((one) => one !== operation);
    if (others.some(({ outcome }) => outcome === "unknown")) return null;
    const ttlMs = Math.max(...begun.map((grant) => grant.ttlMs));
    const lastMs = Math.max(...others.map(({ returnMs }) => returnMs ?? 0));
    const lateMs = callMs - lastMs - ttlMs;
    if (lateMs <= graceMs) return null;
    return {
      kind: "expired late",
      reason: `it was still there ${lateMs} ms after its time; ${graceMs} ms are allowed`,
    };
  }
}
