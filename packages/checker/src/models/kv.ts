import type { Delete, Get, KvOperation, Put } from "../history.js";
import { ANYTHING, UNSEEN } from "../model.js";
import type { Identity, KeyModel, Model } from "../model.js";

/**
 * One key of a store with revisions, missing at first. `null` in a fact: not known, because the outcome of the put that
 * made it is unknown, or its past; the first answer that tells it settles it.
 */
export interface KvState {
  /** `null`: missing. */
  readonly value: string | null | typeof ANYTHING;
  readonly modRevision: number | null;
  readonly createRevision: number | null;
  /** While `createRevision` is not known, it lies between these two, exclusive. */
  readonly createdAfter: number;
  readonly createdBefore: number;
  /** Whether the put that made this value created the key too: then both revisions are the same one. */
  readonly isFirst: boolean | null;
  readonly version: number | null;
  /** The largest revision that is known to be used up: the next change has a larger one. */
  readonly revisionFloor: number;
}

/** Which facts any answer of this key tells. Others are left out of the states, so that more of them are the same. */
interface Told {
  readonly values: ReadonlySet<string>;
  /** The largest version that was told, 0 for none: larger ones are one and the same to all who look. */
  readonly versionMax: number;
  readonly createRevisions: boolean;
  readonly revisions: boolean;
  /** A delete said that there was something to delete. */
  readonly removals: boolean;
}

const missing: KvState = {
  value: null,
  modRevision: null,
  createRevision: null,
  createdAfter: 0,
  createdBefore: Number.POSITIVE_INFINITY,
  isFirst: false,
  version: 0,
  revisionFloor: 0,
};
const anything: KvState = { ...missing, value: ANYTHING, isFirst: null, version: null };

/** Put, get and delete on a key, with the facts that the answers told: revisions, version, whether a delete found something. */
export const kvModel: Model<KvOperation, KvState> = {
  name: "kv",
  kinds: ["get", "put", "delete"],
  forKey(operations): KeyModel<KvOperation, KvState> {
    const told = collectTold(operations);
    return {
      initial: missing,
      anything,
      step(state, operation) {
        switch (operation.op) {
          case "get":
            return operation.outcome === "ok" ? stepGet(state, operation) : state;
          case "put":
            return stepPut(state, operation, told);
          case "delete":
            return stepDelete(state, operation, told);
        }
      },
      identity: (state) => identity(state, told),
      openClass: (operation) => openClass(operation, told),
      leaves(operation) {
        if (operation.op !== "put") return null;
        return told.values.has(operation.value) ? operation.value : UNSEEN;
      },
      finds: (operation) => finds(operation, told),
      // A get may settle a revision; but where it settles nothing now, it would not have settled another later.
      isLook: (operation) =>
        operation.op === "get" || (operation.op === "delete" && operation.deleted === false),
      describeState: (state) => describeState(state, told),
    };
  },
};

function collectTold(operations: readonly KvOperation[]): Told {
  const values = new Set<string>();
  let versionMax = 0;
  let createRevisions = false;
  let revisions = false;
  let removals = false;
  for (const operation of operations) {
    if (operation.outcome !== "ok") continue;
    if (operation.op === "get") {
      if (operation.value === null) continue;
      values.add(operation.value);
      versionMax = Math.max(versionMax, operation.version ?? 0);
      createRevisions ||= operation.createRevision !== null;
      revisions ||= operation.modRevision !== null || operation.createRevision !== null;
    } else {
      revisions ||= operation.revision !== null;
      if (operation.op === "delete") removals ||= operation.deleted === true;
    }
  }
  return { values, versionMax, createRevisions, revisions, removals };
}

function stepGet(state: KvState, get: Get): KvState | undefined {
  if (get.value === null)
    return state.value === ANYTHING ? missing : state.value === null ? state : undefined;
  let settled = state.value === ANYTHING ? { ...state, value: get.value } : state;
  if (get.value !== settled.value) return undefined;
  if (get.version !== null && get.version !== settled.version) {
    if (settled.version !== null) return undefined;
    settled = { ...settled, version: get.version };
  }
  const modified = get.modRevision === null ? settled : settleModified(settled, get.modRevision);
  if (modified === undefined || get.createRevision === null) return modified;
  return settleCreated(modified, get.createRevision);
}

function settleModified(state: KvState, revision: number): KvState | undefined {
  if (state.modRevision !== null) return state.modRevision === revision ? state : undefined;
  if (revision <= state.revisionFloor) return undefined;
  return {
    ...state,
    modRevision: revision,
    createRevision: state.isFirst === true ? revision : state.createRevision,
    createdBefore: Math.min(state.createdBefore, state.isFirst === null ? revision + 1 : revision),
    revisionFloor: revision,
  };
}

function settleCreated(state: KvState, revision: number): KvState | undefined {
  if (state.createRevision !== null) return state.createRevision === revision ? state : undefined;
  if (state.isFirst === true) return settleModified(state, revision);
  if (revision <= state.createdAfter || revision >= state.createdBefore) return undefined;
  const floor = state.isFirst === null ? revision - 1 : revision;
  return { ...state, createRevision: revision, revisionFloor: Math.max(state.revisionFloor, floor) };
}

function stepPut(state: KvState, put: Put, told: Told): KvState | undefined {
  const revision = put.outcome === "ok" ? put.revision : null;
  if (revision !== null && revision <= state.revisionFloor) return undefined;
  const version = state.version === null ? null : Math.min(state.version, told.versionMax) + 1;
  const revisionFloor = revision ?? state.revisionFloor;
  const changed = { ...missing, value: put.value, modRevision: revision, version, revisionFloor };
  if (!told.createRevisions) return changed;
  if (state.value === null)
    return { ...changed, isFirst: true, createRevision: revision, createdAfter: state.revisionFloor };
  const { createRevision, createdAfter, createdBefore } = state;
  if (state.value !== ANYTHING) {
    const before = Math.min(createdBefore, revision ?? Number.POSITIVE_INFINITY);
    return { ...changed, createRevision, createdAfter, createdBefore: before };
  }
  return { ...changed, isFirst: null, createdBefore: revision === null ? createdBefore : revision + 1 };
}

function stepDelete(state: KvState, operation: Delete, told: Told): KvState | undefined {
  const { deleted, revision } = operation;
  const isKnown = operation.outcome === "ok";
  // From a state of which nothing is known, the answer itself says what was there.
  const exists = state.value === ANYTHING ? isKnown && deleted === true : state.value !== null;
  let { revisionFloor } = state;
  if (isKnown) {
    if (deleted !== null && deleted !== exists) return undefined;
    if (revision !== null && told.revisions) {
      // With nothing to delete the answer tells the current revision, which others may have made.
      if (exists ? revision <= revisionFloor : revision < revisionFloor) return undefined;
      revisionFloor = revision;
    }
  }
  if (state.value === null && revisionFloor === state.revisionFloor) return state;
  return { ...missing, revisionFloor };
}

function identity(state: KvState, told: Told): Identity {
  const { value } = state;
  const isSeen = typeof value !== "string" || told.values.has(value);
  if (told.versionMax === 0 && !told.revisions) return isSeen ? value : UNSEEN;
  const facts: unknown[] = [state.modRevision, state.version, state.revisionFloor];
  if (told.createRevisions) {
    facts.push(state.isFirst, state.createRevision);
    if (state.createRevision === null) facts.push(state.createdAfter, state.createdBefore);
  }
  const prefix = value === null ? "missing " : value === ANYTHING ? "anything " : isSeen ? "=" : "unseen ";
  return `${prefix}${facts.join()}${typeof value === "string" && isSeen ? `=${value}` : ""}`;
}

function finds(operation: KvOperation, told: Told): Identity | undefined {
  switch (operation.op) {
    case "get":
      return operation.value;
    case "put":
      return told.versionMax > 0 || told.createRevisions ? ANYTHING : undefined;
    case "delete":
      return operation.outcome === "ok" && (operation.deleted !== null || operation.revision !== null)
        ? ANYTHING
        : undefined;
  }
}

function openClass(operation: KvOperation, told: Told): string | null {
  switch (operation.op) {
    case "get":
      return null;
    case "delete":
      return "delete";
    case "put":
      if (told.values.has(operation.value)) return `put ${operation.value}`;
      // A value that nobody saw can still have been counted, have created the key, or have been removed.
      return told.versionMax > 0 || told.createRevisions || told.removals ? "put" : null;
  }
}

function describeState(state: KvState, told: Told): string {
  if (state.value === null) return "missing";
  if (state.value === ANYTHING) return "anything";
  const facts = [
    state.modRevision === null ? "" : `revision ${state.modRevision}`,
    state.version === null || state.version > told.versionMax ? "" : `version ${state.version}`,
  ].filter((fact) => fact !== "");
  return JSON.stringify(state.value) + (facts.length === 0 ? "" : ` (${facts.join(", ")})`);
}
