import type { Operation } from "./history.js";

/** Stands for all values that no operation of a key looks at: states that differ in them only are one. */
export const UNSEEN: unique symbol = Symbol("unseen");

/** Stands for a value of which nothing is known: any answer fits it. */
export const ANYTHING: unique symbol = Symbol("anything");

export type Identity = string | number | boolean | null | typeof UNSEEN | typeof ANYTHING;

/**
 * What the object under test is, as if it were used by one client at a time. A model makes a fresh {@link KeyModel}
 * for the operations of one key, so that it can leave out of its states what none of them ever looks at.
 */
export interface Model<O extends Operation, State> {
  readonly name: string;
  /** The kinds of operation that it knows. */
  readonly kinds: readonly O["op"][];
  /** `operations`: all of one key. None of them has failed. */
  forKey(operations: readonly O[]): KeyModel<O, State>;
}

export interface KeyModel<O extends Operation, State> {
  readonly initial: State;
  /**
   * A state that allows whatever any other allows, and more if need be: where a part of a history begins whose past is
   * left out.
   */
  readonly anything: State;
  /**
   * The state after `operation`, or `undefined` when it cannot have been answered as it was in this state. Total and
   * without side effects. For an unknown outcome: the state after it took effect, whatever its answer would have been.
   */
  step(state: State, operation: O): State | undefined;
  /** Equal (as keys of a `Map`) for states that none of the key's operations can tell apart, and only for them. */
  identity(state: State): Identity;
  /**
   * For an operation of unknown outcome: two with the same answer here take every state to states of one identity.
   * `null`: it explains nothing that another operation was told, so it may be taken for one that never happened.
   */
  openClass(operation: O): string | null;
  /** The value that an operation of unknown outcome leaves behind where it takes effect. */
  leaves(operation: O): Identity;
  /**
   * What an operation right behind one of unknown outcome must find there for that one to be of any use to it: a value,
   * `ANYTHING`, or `undefined` when it could as well do without.
   */
  finds(operation: O): Identity | undefined;
  /** Whether a finished operation, answered as it was, only ever looks: it changes no state that such an answer fits. */
  isLook(operation: O): boolean;
  /** For people. */
  describeState(state: State): string;
}
