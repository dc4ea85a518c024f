import type { RegisterOperation, Value } from "../history.js";
import { ANYTHING, UNSEEN } from "../model.js";
import type { Identity, KeyModel, Model } from "../model.js";

export type RegisterState = Value | typeof ANYTHING;

/** A register that can be read, written, and replaced on condition. It begins unset (`null`). */
export const registerModel: Model<RegisterOperation, RegisterState> = {
  name: "register",
  kinds: ["read", "write", "cas"],
  forKey: registerForKey,
};

function registerForKey(
  operations: readonly RegisterOperation[],
): KeyModel<RegisterOperation, RegisterState> {
  const seen = new Set<Value>();
  // A condition that was false is the one answer that a value nobody ever saw can explain.
  let isRefused = false;
  for (const operation of operations) {
    if (operation.op === "cas") {
      seen.add(operation.expected);
      if (operation.outcome === "ok" && operation.swapped === false) isRefused = true;
    } else if (operation.op === "read" && operation.outcome === "ok") {
      seen.add(operation.value);
    }
  }
  const identity = (state: RegisterState): Identity =>
    state === ANYTHING || seen.has(state) ? state : UNSEEN;
  return {
    initial: null,
    anything: ANYTHING,
    step: stepRegister,
    identity,
    openClass(operation) {
      if (operation.op === "read") return null;
      const isSeen = seen.has(operation.value);
      if (!isSeen && !isRefused) return null;
      const written = isSeen ? JSON.stringify(operation.value) : "unseen";
      return operation.op === "write" ? written : `${JSON.stringify(operation.expected)} to ${written}`;
    },
    leaves: (operation) => identity(operation.value),
    finds(operation) {
      if (operation.op === "write") return undefined;
      if (operation.op === "read") return operation.value;
      return operation.outcome === "ok" && operation.swapped === false ? ANYTHING : operation.expected;
    },
    isLook: (operation) => operation.op === "read" || (operation.op === "cas" && operation.swapped === false),
    describeState: (state) =>
      state === ANYTHING ? "anything" : state === null ? "unset" : JSON.stringify(state),
  };
}

function stepRegister(state: RegisterState, operation: RegisterOperation): RegisterState | undefined {
  const isKnown = operation.outcome === "ok";
  switch (operation.op) {
    case "read":
      if (!isKnown) return state;
      return state === ANYTHING || operation.value === state ? operation.value : undefined;
    case "write":
      return operation.value;
    case "cas": {
      if (state === ANYTHING) return isKnown && operation.swapped === true ? operation.value : state;
      const swaps = state === operation.expected;
      if (isKnown && swaps !== operation.swapped) return undefined;
      return swaps ? operation.value : state;
    }
  }
}
