import type {
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

/** The same operation on another key. */
export function on<O extends Operation>(key: string, operation: O): O {
  return { ...operation, key };
}
