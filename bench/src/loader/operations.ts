import type { Caller } from "./caller.js";
import type { Operation } from "./protocol.js";

/** One request, waited for. */
export type Perform = (caller: Caller) => Promise<unknown>;

/** A tenth of the mixed load writes. */
const MIXED_WRITES = 0.1;

/** What a closed or an open loop can do with raftkv. A further one is a line here, or a file of its own that is named here. */
export const OPERATIONS: Partial<Record<Operation, Perform>> = {
  put: (caller) => caller.target.put(caller.randomKey(), caller.nextValue()),
  get: (caller) => caller.target.get(caller.randomKey(), "linearizable"),
  "serializable-get": (caller) => caller.target.get(caller.randomKey(), "serializable"),
  mixed: (caller) =>
    Math.random() < MIXED_WRITES
      ? caller.target.put(caller.randomKey(), caller.nextValue())
      : caller.target.get(caller.randomKey(), "linearizable"),
};
