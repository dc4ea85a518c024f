import type { StateMachine } from "@raftkv/fsm";
import type { Store } from "@raftkv/store";
import type { Group } from "../group/group.js";

/** The group that serves clients. */
export interface ServingGroup {
  readonly group: Group;
  /** Null at a witness, and for the moment in which a snapshot takes its place (S10). */
  readonly store: Store | null;
  /** Null at a witness (R24). */
  readonly data: { readonly replica: { readonly machine: StateMachine } } | null;
}

/** What can be read at this moment. Not to be kept over a turn: a snapshot may take its place (S10). */
export interface ServingData {
  readonly group: Group;
  readonly store: Store;
  readonly machine: StateMachine;
}
