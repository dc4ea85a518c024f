import { ProtocolError } from "./errors.js";
import { bytes, keyValueToWire, list, previousFromWire } from "./key-value.js";
import type { KeyValue } from "./key-value.js";
import { pack } from "./frame-writer.js";
import type { PackedFrame } from "./frame-writer.js";
import { count, describe, isCount, packedBytesMax, tuple } from "./msgpack.js";
import { EVENTS_MORE_OF_REVISION, EVENTS_PROGRESS, NODE_FRAME_EVENTS, NODE_FRAME_WATCH_END } from "./op.js";
import { refusalToWire } from "./reply-encode.js";
import type { ReplyFacts, WireRefusal } from "./reply-encode.js";

/** One change of one key. Decoded ones are views of the frame (J). */
export type WatchEvent =
  | ({ readonly kind: "put"; readonly previous: KeyValue | null } & KeyValue)
  | {
      readonly kind: "delete";
      readonly key: Uint8Array;
      /** The revision that deleted it. */
      readonly modRevision: number;
      /** What was deleted, if it was asked for. */
      readonly previous: KeyValue | null;
    };

/** What a node tells a watch. Revisions never go back, and none comes twice (F6). */
export interface WatchEvents {
  readonly watchId: number;
  /** The revision of the last event; in a progress mark, the one at or below which nothing will follow. */
  readonly revision: number;
  /** Ordered by revision, and within it by the order of the changes. None in a progress mark. */
  readonly events: readonly WatchEvent[];
  /** More events of `revision` follow in the next frame of this watch: only then the transaction is whole. */
  readonly moreOfRevision: boolean;
}

const PUT = 1;
const DELETE = 2;

/** Beside the events. */
const FRAME_OVERHEAD_BYTES = 64;

/**
 * Encodes events of one watch, ordered by revision and whole transactions, into as few frames of at most `frameBytes`
 * as it takes. An event that is larger by itself goes out alone. With `moreOfRevision`, the last transaction goes on in
 * the next call.
 */
export function encodeWatchEvents(
  watchId: number,
  events: readonly WatchEvent[],
  frameBytes: number,
  moreOfRevision = false,
): readonly PackedFrame[] {
  const frames: PackedFrame[] = [];
  let part: unknown[] = [];
  let size = FRAME_OVERHEAD_BYTES;
  let revision = 0;
  for (const event of events) {
    const wire = eventToWire(event);
    const eventBytes = packedBytesMax(wire);
    if (part.length > 0 && size + eventBytes > frameBytes) {
      const flags = event.modRevision === revision ? EVENTS_MORE_OF_REVISION : 0;
      frames.push(pack([NODE_FRAME_EVENTS, watchId, revision, part, flags]));
      part = [];
      size = FRAME_OVERHEAD_BYTES;
    }
    part.push(wire);
    size += eventBytes;
    revision = event.modRevision;
  }
  if (part.length > 0) {
    const flags = moreOfRevision ? EVENTS_MORE_OF_REVISION : 0;
    frames.push(pack([NODE_FRAME_EVENTS, watchId, revision, part, flags]));
  }
  return frames;
}

/** Promises that nothing at or below `revision` will follow (F6). */
export function encodeWatchProgress(watchId: number, revision: number): PackedFrame {
  return pack([NODE_FRAME_EVENTS, watchId, revision, [], EVENTS_PROGRESS]);
}

/** Ends a watch for a reason. */
export function encodeWatchEnd(watchId: number, refusal: WireRefusal, facts: ReplyFacts = {}): PackedFrame {
  return pack([NODE_FRAME_WATCH_END, watchId, refusalToWire(refusal, facts)]);
}

function eventToWire(event: WatchEvent): readonly unknown[] {
  const previous = event.previous === null ? null : keyValueToWire(event.previous);
  if (event.kind === "delete") return [DELETE, event.key, event.modRevision, previous];
  const { key, value, createRevision, modRevision, version, lease } = event;
  return [PUT, key, value, createRevision, modRevision, version, lease, previous];
}

/** @throws {ProtocolError} `frame` is none of events. */
export function watchEventsFromWire(frame: readonly unknown[]): WatchEvents {
  tuple(frame, 5, "a frame of events");
  const revision = count(frame[2], "the revision");
  const events = list(frame[3], "the events").map(eventFromWire);
  const flags = frame[4];
  if (!isCount(flags) || flags > EVENTS_MORE_OF_REVISION) {
    throw new ProtocolError(`the flags of events are ${describe(flags)}: 0 to 2 are known`);
  }
  let before = 0;
  for (const { modRevision } of events) {
    if (modRevision < before) throw new ProtocolError("the events of a frame are not in order");
    before = modRevision;
  }
  const isProgress = flags === EVENTS_PROGRESS;
  if (isProgress !== (events.length === 0) || (!isProgress && before !== revision)) {
    throw new ProtocolError("a frame of events does not end with the revision that it names");
  }
  const watchId = count(frame[1], "the watch");
  return { watchId, revision, events, moreOfRevision: flags === EVENTS_MORE_OF_REVISION };
}

function eventFromWire(item: unknown): WatchEvent {
  const fields = list(item, "an event's fields");
  if (fields[0] === DELETE) {
    tuple(fields, 4, "a delete's event");
    return {
      kind: "delete",
      key: bytes(fields[1], "a key"),
      modRevision: count(fields[2], "the modify revision"),
      previous: previousFromWire(fields[3]),
    };
  }
  tuple(fields, 8, "a put's event");
  if (fields[0] !== PUT)
    throw new ProtocolError(`an event is of kind ${describe(fields[0])}: 1 and 2 are known`);
  return {
    kind: "put",
    key: bytes(fields[1], "a key"),
    value: bytes(fields[2], "a value"),
    createRevision: count(fields[3], "the create revision"),
    modRevision: count(fields[4], "the modify revision"),
    version: count(fields[5], "the version"),
    lease: count(fields[6], "the lease"),
    previous: previousFromWire(fields[7]),
  };
}
