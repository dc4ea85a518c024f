import { endOf, splitByKey } from "./history.js";
import type { Acquire, Guarded, LockOperation, Release } from "./history.js";
import { validateHistory } from "./validate.js";

export interface LockFinding {
  readonly kind:
    | "token used twice"
    | "token goes back"
    | "held twice"
    | "stale token accepted"
    | "unknown token";
  readonly key: string;
  readonly operation: LockOperation;
  readonly reason: string;
}

export interface LockOptions {
  /**
   * Whether a holding can end by itself, with its lease. Then two may believe that they hold the lock, and only the tokens keep
   * the late one out; otherwise "held twice" is looked for as well.
   */
  readonly expires: boolean;
}

export interface LockResult {
  readonly ok: boolean;
  readonly findings: readonly LockFinding[];
  /** Holdings that were granted. A history without one proves nothing, and is not `ok`. */
  readonly acquired: number;
  /** Uses of the protected object that were accepted, and that were refused for their token. */
  readonly accepted: number;
  readonly refused: number;
}

type Granted = Acquire & { readonly token: number };

/**
 * A lock with fencing tokens: each holding has a token of its own; who is granted the lock after another was has the larger one; and
 * what the lock protects accepts nothing under a token once it has accepted something under a larger one.
 * @throws {HistoryError} the history is malformed or has other operations than `acquire`, `release` and `guarded`.
 */
export function checkLock(history: readonly LockOperation[], { expires }: LockOptions): LockResult {
  validateHistory(history, ["acquire", "release", "guarded"]);
  const findings: LockFinding[] = [];
  const counts = { acquired: 0, accepted: 0, refused: 0 };
  for (const [key, operations] of splitByKey(history)) {
    const granted = operations.filter(
      (operation): operation is Granted =>
        operation.op === "acquire" && operation.outcome === "ok" && operation.token !== null,
    );
    const uses = operations.filter((operation) => operation.op === "guarded");
    const accepted = uses.filter((use) => use.outcome === "ok" && use.accepted === true);
    counts.acquired += granted.length;
    counts.accepted += accepted.length;
    counts.refused += uses.filter((use) => use.outcome === "ok" && use.accepted === false).length;
    const find = (kind: LockFinding["kind"], operation: LockOperation, reason: string): void => {
      findings.push({ kind, key, operation, reason });
    };
    checkTokens(granted, find);
    checkUses(operations, accepted, find);
    if (!expires) checkHoldings(granted, operations, find);
  }
  return { ok: findings.length === 0 && counts.acquired > 0, findings, ...counts };
}

type Find = (kind: LockFinding["kind"], operation: LockOperation, reason: string) => void;

function checkTokens(granted: readonly Granted[], find: Find): void {
  const holders = new Map<number, Granted>();
  for (const acquire of granted) {
    const other = holders.get(acquire.token);
    if (other === undefined) holders.set(acquire.token, acquire);
    else
      find("token used twice", acquire, `process ${other.process} had been granted ${acquire.token} as well`);
  }
  forEachAfter(granted, granted, (acquire, highest) => {
    if (acquire.token < highest.token)
      find(
        "token goes back",
        acquire,
        `${highest.token} had been granted to process ${highest.process} before`,
      );
  });
}

function checkUses(operations: readonly LockOperation[], accepted: readonly Guarded[], find: Find): void {
  // An acquire of unknown outcome may have been granted any token, which its client never learnt: nobody can use it.
  const tokens = new Set(
    operations.flatMap((operation) => (operation.op === "acquire" ? [operation.token] : [])),
  );
  for (const use of accepted)
    if (!tokens.has(use.token)) find("unknown token", use, `nobody was granted ${use.token}`);
  forEachAfter(accepted, accepted, (use, highest) => {
    if (use.token < highest.token)
      find(
        "stale token accepted",
        use,
        `process ${highest.process} had been accepted with ${highest.token} before`,
      );
  });
}

/** Calls `visit` for each operation with the one of the largest token among those that had ended before it was called. */
function forEachAfter<O extends Granted | Guarded>(
  operations: readonly O[],
  earlier: readonly O[],
  visit: (operation: O, highest: O) => void,
): void {
  const byEnd = [...earlier].sort((a, b) => endOf(a) - endOf(b));
  let ended = 0;
  let highest: O | null = null;
  for (const operation of operations) {
    for (; ended < byEnd.length && endOf(byEnd[ended] as O) < operation.call; ended += 1) {
      const one = byEnd[ended] as O;
      if (highest === null || one.token > highest.token) highest = one;
    }
    if (highest !== null) visit(operation, highest);
  }
}

/** Holdings without an end of their own: from the answer to the acquire until the release is called. */
function checkHoldings(granted: readonly Granted[], operations: readonly LockOperation[], find: Find): void {
  const releases = new Map<number, Release>();
  for (const operation of operations)
    if (operation.op === "release" && operation.outcome !== "fail" && !releases.has(operation.token))
      releases.set(operation.token, operation);
  const held = granted.map((acquire) => ({
    acquire,
    from: endOf(acquire),
    to: releases.get(acquire.token)?.call ?? Number.POSITIVE_INFINITY,
  }));
  held.sort((a, b) => a.from - b.from);
  let last: (typeof held)[number] | null = null;
  for (const one of held) {
    if (last !== null && one.from < last.to)
      find(
        "held twice",
        one.acquire,
        `process ${last.acquire.process} held it with token ${last.acquire.token}`,
      );
    if (last === null || one.to > last.to) last = one;
  }
}
