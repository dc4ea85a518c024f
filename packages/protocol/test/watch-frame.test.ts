import {
  ProtocolError,
  decodeNodeFrame,
  encodeWatchEnd,
  encodeWatchEvents,
  encodeWatchProgress,
} from "@raftkv/protocol";
import type { NodeFrame, WatchEvent } from "@raftkv/protocol";
import { expect } from "chai";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });
const key = Buffer.from("k");

function put(modRevision: number, valueBytes = 1): WatchEvent {
  const value = Buffer.alloc(valueBytes, 118);
  return { kind: "put", key, value, createRevision: 1, modRevision, version: 1, lease: 0, previous: null };
}

function eventFrames(frames: readonly Buffer[]): Extract<NodeFrame, { kind: "events" }>[] {
  return frames.map((bytes) => {
    const frame = decodeNodeFrame(bytes);
    return frame.kind === "events" ? frame : expect.fail("this is no frame of events");
  });
}

describe("watch frames (F6)", () => {
  it("come back as they went in", () => {
    const previous = { key, value: key, createRevision: 1, modRevision: 2, version: 2, lease: 3 };
    const events: WatchEvent[] = [
      { ...put(2 ** 40), previous },
      { kind: "delete", key, modRevision: 2 ** 40 + 1, previous },
      { kind: "delete", key, modRevision: 2 ** 40 + 1, previous: null },
    ];
    expect(eventFrames(encodeWatchEvents(7, events, 1000))).to.deep.equal([
      { kind: "events", watchId: 7, revision: 2 ** 40 + 1, events, moreOfRevision: false },
    ]);
    expect(decodeNodeFrame(encodeWatchProgress(7, 12))).to.deep.equal({
      kind: "events",
      watchId: 7,
      revision: 12,
      events: [],
      moreOfRevision: false,
    });
    const end = encodeWatchEnd(7, { code: "COMPACTED", message: "gone", retryable: false }, { floor: 12 });
    expect(decodeNodeFrame(end)).to.have.property("kind", "watchEnd");
    expect(decodeNodeFrame(end)).to.deep.include({ watchId: 7 });
    expect(decodeNodeFrame(end)).to.have.property("refusal").that.includes({ code: "COMPACTED", floor: 12 });
  });

  it("are the bytes that docs/protocol.md shows", () => {
    const [frame] = encodeWatchEvents(1, [put(7)], 1000);
    expect(frame?.toString("hex")).to.equal("95030107919801c4016bc4017601070100c000");
    expect(encodeWatchProgress(1, 9).toString("hex")).to.equal("950301099001");
  });

  it("are split into frames of at most frameBytes, and say when a transaction goes on in the next (C7)", () => {
    const events = [put(5, 300), put(6, 300), put(6, 300), put(6, 300), put(7, 300)];
    const frames = encodeWatchEvents(1, events, 850);
    for (const frame of frames) expect(frame.length).to.be.lessThanOrEqual(850);
    const decoded = eventFrames(frames);
    expect(decoded.map((frame) => [frame.revision, frame.events.length, frame.moreOfRevision])).to.deep.equal(
      [
        [6, 2, true],
        [6, 2, false],
        [7, 1, false],
      ],
    );
    expect(decoded.flatMap((frame) => frame.events)).to.deep.equal(events);
  });

  it("hold an event that is larger than a frame alone", () => {
    const frames = encodeWatchEvents(1, [put(5, 10), put(5, 5000), put(6, 10)], 1000);
    expect(eventFrames(frames).map((frame) => [frame.events.length, frame.moreOfRevision])).to.deep.equal([
      [1, true],
      [1, false],
      [1, false],
    ]);
  });

  describe("that cannot be trusted: the connection must be cut (C6)", () => {
    const event = [2, key, 5, null];
    const cases: Record<string, unknown> = {
      "a field too few": [3, 1, 5, [event]],
      "events that are no array": [3, 1, 5, 5, 0],
      "an event of a kind 3": [3, 1, 5, [[3, key, 5, null]], 0],
      "a put's event cut short": [3, 1, 5, [[1, key, key, 5, 5, 1, 0]], 0],
      "a revision that is not the last": [3, 1, 6, [event], 0],
      "events out of order": [3, 1, 5, [[2, key, 6, null], event], 0],
      "no events, and no progress mark": [3, 1, 5, [], 0],
      "a progress mark with events": [3, 1, 5, [event], 1],
      "flags of 3": [3, 1, 5, [event], 3],
      "a previous value that is a number": [3, 1, 5, [[2, key, 5, 7]], 0],
      "an end without a reason": [4, 1],
      "an end of an unknown code": [4, 1, [99, true, "m", null, null, null, null]],
      "an end cut short": [4, 1, [12, true, "m", null, null, null]],
    };
    for (const [what, frame] of Object.entries(cases)) {
      it(what, () => {
        expect(() => decodeNodeFrame(packr.pack(frame))).to.throw(ProtocolError);
      });
    }
  });
});
