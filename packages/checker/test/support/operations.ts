import type {
  Acquire,
  Alive,
  Append,
  Balances,
  Change,
  ChangeTogether,
  Grant,
  Guarded,
  ReadBalances,
  ReadLog,
  Release,
  Renew,
  Revoke,
  Step,
  Submit,
  Transaction,
  Transfer,
  Watch,
  WatchMessage,
  CompareAndSet,
  Delete,
  Get,
  Increment,
  Members,
  Operation,
  Put,
  Read,
  Add,
  Total,
  Value,
  Write,
} from "@raftkv/checker";

/**
 * Short forms for hand-made histories. `at` is [call, return]; a return of "?" stands for an unknown outcome, and a third
 * part "fail" for one that certainly had no effect. The process is the call's position, so that all may overlap.
 */
export type At = readonly [call: number, end: number | "?", outcome?: "fail"];

function base(at: At): Pick<Operation, "process" | "key" | "call" | "return" | "outcome"> {
  const [call, end, failed] = at;
  return {
    process: call,
    key: "k",
    call,
    return: end === "?" ? null : end,
    outcome: end === "?" ? "unknown" : (failed ?? "ok"),
  };
}

export const read = (value: Value, ...at: At): Read => ({ ...base(at), op: "read", value });
export const write = (value: Value, ...at: At): Write => ({ ...base(at), op: "write", value });
export const swap = (expected: Value, value: Value, ...at: At): CompareAndSet => ({
  ...base(at),
  op: "cas",
  expected,
  value,
  swapped: true,
});
export const refused = (expected: Value, value: Value, ...at: At): CompareAndSet => ({
  ...swap(expected, value, ...at),
  swapped: false,
});

interface GetFacts {
  readonly modRevision?: number;
  readonly createRevision?: number;
  readonly version?: number;
}
export const get = (value: string | null, at: At, facts: GetFacts = {}): Get => ({
  ...base(at),
  op: "get",
  value,
  modRevision: facts.modRevision ?? null,
  createRevision: facts.createRevision ?? null,
  version: facts.version ?? null,
});
export const put = (value: string, at: At, revision: number | null = null): Put => ({
  ...base(at),
  op: "put",
  value,
  revision,
});
export const del = (at: At, deleted: boolean | null = null, revision: number | null = null): Delete => ({
  ...base(at),
  op: "delete",
  deleted,
  revision,
});

export const add = (value: string | number, ...at: At): Add => ({ ...base(at), op: "add", value });
export const members = (values: readonly (string | number)[], ...at: At): Members => ({
  ...base(at),
  op: "members",
  values,
});
export const increment = (by: number, at: At, total: number | null = null): Increment => ({
  ...base(at),
  op: "increment",
  by,
  total,
});
export const total = (value: number, ...at: At): Total => ({ ...base(at), op: "total", total: value });

export const append = (value: string, ...at: At): Append => ({ ...base(at), op: "append", value });

/** `"x+1"` appends 1 to x; `"x=1,2"` reads x as [1 2]; `"x?"` is a read that was not told. */
export const txn = (steps: string, ...at: At): Transaction => ({
  ...base(at),
  op: "txn",
  key: "store",
  steps: steps.split(" ").map((step): Step => {
    const { key = "", kind, rest = "" } = /^(?<key>\w+)(?<kind>[+=?])(?<rest>.*)$/.exec(step)?.groups ?? {};
    if (kind === "+") return ["append", key, Number(rest)];
    if (kind === "?") return ["read", key, null];
    return ["read", key, rest === "" ? [] : rest.split(",").map(Number)];
  }),
});

export const transfer = (
  amount: number,
  [from, to]: readonly [string, string],
  at: At,
  done: boolean | null = true,
): Transfer => ({ ...base(at), op: "transfer", from, to, amount, done });
export const balances = (held: Balances, ...at: At): ReadBalances => ({
  ...base(at),
  op: "balances",
  balances: held,
});

/** `"a:3"` is the third element of the appender a. */
export const submit = (name: string, ...at: At): Submit => {
  const [appender = "", sequence] = name.split(":");
  return { ...base(at), op: "submit", appender, sequence: Number(sequence) };
};
export const log = (names: string, ...at: At): ReadLog => ({
  ...base(at),
  op: "log",
  entries:
    names === ""
      ? []
      : names.split(" ").map((name) => [name.split(":")[0] ?? "", Number(name.split(":")[1])]),
});

export const acquire = (token: number | null, ...at: At): Acquire => ({ ...base(at), op: "acquire", token });
export const release = (token: number, ...at: At): Release => ({ ...base(at), op: "release", token });
export const guarded = (token: number, accepted: boolean, ...at: At): Guarded => ({
  ...base(at),
  op: "guarded",
  token,
  accepted,
});

/** For leases a position is ten milliseconds. */
function timed(at: At): ReturnType<typeof base> & { callMs: number; returnMs: number | null } {
  const fields = base(at);
  return { ...fields, callMs: at[0] * 10, returnMs: fields.return === null ? null : fields.return * 10 };
}
export const grant = (ttlMs: number, ...at: At): Grant => ({ ...timed(at), op: "grant", ttlMs });
export const renew = (found: boolean, ...at: At): Renew => ({ ...timed(at), op: "renew", found });
export const revoke = (...at: At): Revoke => ({ ...timed(at), op: "revoke" });
export const alive = (isAlive: boolean, ...at: At): Alive => ({ ...timed(at), op: "alive", alive: isAlive });

export const change = (
  changes: readonly Change[],
  at: At,
  revision: number | null = null,
): ChangeTogether => ({
  ...base(at),
  op: "change",
  changes,
  revision,
});
/** A stream of all keys from a to z: `"3 a=1 b=2"` are the changes of revision 3, `"4 a"` a delete, `"progress 5"` a mark. */
export const watch = (from: number, received: readonly string[], at: At, watcher = "w"): Watch => ({
  ...base(at),
  op: "watch",
  watcher,
  start: "a",
  end: "z",
  from,
  received: received.map((message): WatchMessage => {
    const [first = "", ...rest] = message.split(" ");
    if (first === "progress") return { progress: Number(rest[0]) };
    const changes = rest.map((part): Change => [part.split("=")[0] ?? "", part.split("=")[1] ?? null]);
    return { revision: Number(first), changes };
  }),
});

/** The same operation on another key. */
export function on<O extends Operation>(key: string, operation: O): O {
  return { ...operation, key };
}
