import type { Version } from "./version.js";

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The revision that created the key: of the first put since it was last deleted. */
  readonly createRevision: number;
  /** The revision of the last put. */
  readonly modRevision: number;
  /** Counts the puts since the key was created, from 1. */
  readonly version: number;
  /** The lease that the key is attached to, 0 for none. */
  readonly lease: number;
}

/** What a put or a delete did: an element of the list of changes, as a watch sees it. */
export interface Change {
  readonly revision: number;
  /** Its place among the changes of its revision, from 0. */
  readonly sub: number;
  readonly kind: "put" | "delete";
  readonly key: Uint8Array;
  /** Empty for a delete. It may be a view of a larger buffer: leave it as it is, and copy it to keep it for long. */
  readonly value: Uint8Array;
  /** 0 for a delete, as are `version` and `lease`. */
  readonly createRevision: number;
  readonly version: number;
  readonly lease: number;
  /** Where the version before it stands; 0 when the key was not there. */
  readonly previousRevision: number;
}

/** The change that made `version`, which has its value in memory. */
export function changeOf(version: Version, key: Uint8Array): Change {
  const { modRevision, sub, createRevision, lease, source, valueStart, valueEnd } = version;
  // A deletion stands before the first put of a key that was there once; when it was collected, nothing does. So the
  // version's number decides, which is the same on every replica.
  const existed = version.version !== 1;
  return {
    revision: modRevision,
    sub,
    kind: version.version === 0 ? "delete" : "put",
    key,
    value: source.subarray(valueStart, valueEnd),
    createRevision,
    version: version.version,
    lease,
    previousRevision: existed ? version.previous : 0,
  };
}
