import { expect } from "chai";
import { decodePeerFrame } from "@raftkv/protocol";
import type { Lane, PeerMessage } from "@raftkv/protocol";
import {
  LogCompactedError,
  LogRangeError,
  WalClosedError,
  encodeFrame,
  groupId,
  logIndex,
  serverId,
  term,
} from "raft-ts";
import type { AppendRequest, Frame, LogWriter, Message } from "raft-ts";
import { Outgoing } from "../dist/group/outgoing.js";
import { until } from "./support/nodes.js";

const GROUP = groupId(1);
const SELF = serverId("a");

interface Sent {
  readonly peer: string;
  readonly lane: Lane;
  readonly bytes: number;
  readonly messages: readonly PeerMessage[];
}

function entry(index: number, inTerm: number, bytes: number): Frame {
  const header = { group: GROUP, term: term(inTerm), index: logIndex(index), kind: "command" } as const;
  return encodeFrame(header, Buffer.alloc(bytes, index));
}

function outgoing(
  log: Partial<LogWriter>,
  { cached = true } = {},
): {
  sent: Sent[];
  failed: unknown[];
  send: (messages: Message[]) => void;
} {
  const sent: Sent[] = [];
  const failed: unknown[] = [];
  const target = new Outgoing({
    group: GROUP,
    log: log as LogWriter,
    cached,
    send: (peer, lane, bytes) => {
      const { messages } = decodePeerFrame(bytes, { from: SELF, to: peer });
      sent.push({ peer, lane, bytes: bytes.length, messages });
    },
    onFailed: (error) => failed.push(error),
  });
  return { sent, failed, send: (messages) => target.send(messages) };
}

function append(to: string, from: number, until_: number, inTerm = 3): AppendRequest {
  const range = { from: logIndex(from), to: logIndex(until_) };
  return {
    kind: "appendRequest",
    from: SELF,
    to: serverId(to),
    term: term(3),
    prevLogIndex: logIndex(from - 1),
    prevLogTerm: term(1),
    entries: { ...range, runs: [{ term: term(inTerm), ...range }], sizes: [], configurations: [] },
    commitIndex: logIndex(0),
  };
}

const ack = (to: string): Message => ({
  kind: "appendResponse",
  from: SELF,
  to: serverId(to),
  term: term(3),
  success: true,
  prevLogIndex: logIndex(0),
  matchIndex: logIndex(1),
  hintIndex: logIndex(0),
  hintTerm: term(0),
});

const vote = (to: string): Message => ({
  kind: "voteResponse",
  from: SELF,
  to: serverId(to),
  term: term(3),
  granted: true,
});

describe("messages on their way out", () => {
  const KIB = 1024;

  it("go as one frame a peer and lane; votes and heartbeats never behind entries (C5)", () => {
    const frames = [entry(1, 3, 10), entry(2, 3, 10)];
    const { sent, send } = outgoing({ cached: () => frames });
    send([append("b", 1, 3), vote("b"), append("c", 1, 3), ack("b"), vote("b")]);
    const shown = sent.map(({ peer, lane, messages }) => [
      peer,
      lane,
      messages.map(({ kind }) => kind).join("+"),
    ]);
    expect(shown).to.deep.equal([
      ["b", "bulk", "appendRequest+appendResponse"],
      ["b", "control", "voteResponse+voteResponse"],
      ["c", "bulk", "appendRequest"],
    ]);
  });

  it("carry the entries as they stand in the log, to the byte (W2)", () => {
    const frames = [entry(1, 3, 10), entry(2, 3, 300)];
    const { sent, send } = outgoing({ cached: () => frames });
    send([append("b", 1, 3)]);
    const message = sent[0]?.messages[0];
    expect(message?.kind === "appendRequest" && message.entries).to.deep.equal(
      Buffer.concat(frames.map((frame) => frame.bytes)),
    );
  });

  it("are split so that no frame holds more than 1 MiB of entries, save one larger entry alone", () => {
    const sizes: Record<number, number> = { 1: 600 * KIB, 2: 600 * KIB, 3: 3_000 * KIB, 4: 10 };
    const { sent, send } = outgoing({ cached: (_group, from) => [entry(from, 3, sizes[from] ?? 0)] });
    send([append("b", 1, 2), append("b", 2, 3), append("b", 3, 4), append("b", 4, 5), ack("b")]);
    expect(sent.map(({ messages }) => messages.length)).to.deep.equal([1, 1, 1, 2]);
    expect(sent[2]?.bytes).to.be.within(3_000 * KIB, 3_001 * KIB);
  });

  it("that need the disk leave when it was read, and not if another leader's entries stand there by then", async () => {
    const onDisk = [entry(1, 2, 10), entry(2, 2, 10)];
    const log: Partial<LogWriter> = {
      cached: () => null,
      read: async (_group, { from }) => onDisk.slice(from - 1, from),
    };
    const { sent, failed, send } = outgoing(log);
    send([append("b", 1, 3, 1), append("c", 1, 3, 2)]);
    expect(sent, "nothing at once").to.deep.equal([]);
    await until("the disk was read", () => (sent.length > 0 ? true : null));
    expect(sent.map(({ peer }) => peer)).to.deep.equal(["c"]);
    expect(failed).to.deep.equal([]);
  });

  it("do not overtake those to the same peer that wait for the disk: it would refuse them (R12)", async () => {
    let read: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => (read = resolve));
    const log: Partial<LogWriter> = {
      cached: (_group, from) => (from >= 2 ? [entry(from, 3, 10)] : null),
      read: async (_group, { from }) => {
        if (from === 1) await wait;
        return [entry(from, 3, 10)];
      },
    };
    const { sent, send } = outgoing(log);
    send([append("b", 1, 2), append("b", 2, 3), append("b", 3, 3), append("c", 2, 3), append("c", 3, 3)]);
    const shown = (): unknown =>
      sent.map(({ peer, messages }) => [
        peer,
        messages.map((message) => message.kind === "appendRequest" && message.prevLogIndex),
      ]);
    expect(shown()).to.deep.equal([["c", [1, 2]]]);
    read();
    await until("all left", () => (sent.length === 3 ? true : null));
    expect(shown()).to.deep.equal([
      ["c", [1, 2]],
      ["b", [0]],
      ["b", [1]],
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    send([append("b", 3, 3), append("b", 2, 3)]);
    expect(shown(), "at once again").to.have.lengthOf(4);
  });

  it("that are dropped for that do not take the place of what tells how far the log is committed", async () => {
    let read: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => (read = resolve));
    const log: Partial<LogWriter> = {
      cached: () => null,
      read: async (_group, { from }) => {
        await wait;
        return [entry(from, 3, 10)];
      },
    };
    const { sent, send } = outgoing(log);
    const notice = {
      kind: "commitNotice",
      from: SELF,
      to: serverId("b"),
      term: term(3),
      commitIndex: logIndex(4),
    };
    send([append("b", 1, 2)]);
    send([notice as Message]);
    send([{ ...append("b", 2, 2), commitIndex: logIndex(4) }]);
    await until("it is told", () => (sent.length > 0 ? true : null));
    expect(sent[0]?.messages).to.deep.include({ ...notice });
    read();
    await until("the entries leave", () => (sent.length === 2 ? true : null));
  });

  it("of an earlier term are not read any more", async () => {
    const reads: number[] = [];
    const log: Partial<LogWriter> = {
      cached: () => null,
      read: async (_group, { from }) => {
        reads.push(from);
        return [entry(from, 3, 10)];
      },
    };
    const { sent, send } = outgoing(log);
    send([append("b", 1, 2), append("b", 2, 3), { ...append("b", 5, 6), term: term(4) }]);
    await until("the last leaves", () => (sent.length === 1 ? true : null));
    expect(reads).to.deep.equal([5]);
  });

  it("are dropped when their entries are gone by the time the disk is read, which is no failure (R17)", async () => {
    const gone = [
      new LogRangeError(GROUP, 1, 3, 0),
      new LogCompactedError(GROUP, logIndex(1), logIndex(2)),
      new WalClosedError(),
    ];
    let reads = 0;
    const { sent, failed, send } = outgoing({
      cached: () => null,
      read: async () => {
        reads += 1;
        throw gone[reads - 1] ?? new Error("one read for each message");
      },
    });
    send([append("b", 1, 3), append("c", 1, 3), append("d", 1, 3)]);
    await until("the disk was read", () => (reads === gone.length ? true : null));
    await new Promise((resolve) => setImmediate(resolve));
    expect(failed).to.deep.equal([]);
    expect(sent).to.deep.equal([]);
  });

  it("of a witness take every entry from the disk: its log keeps none in memory (R24)", async () => {
    const onDisk = [entry(1, 1, 10), entry(2, 1, 10)];
    const log: Partial<LogWriter> = { read: async (_group, { from, to }) => onDisk.slice(from - 1, to - 1) };
    const { sent, failed, send } = outgoing(log, { cached: false });
    send([append("b", 1, 3, 1)]);
    await until("it left", () => (sent.length > 0 ? true : null));
    const message = sent[0]?.messages[0];
    expect(message?.kind === "appendRequest" && message.entries).to.deep.equal(
      Buffer.concat(onDisk.map((frame) => frame.bytes)),
    );
    expect(failed).to.deep.equal([]);
  });

  it("end the server when the log cannot be read (R17)", async () => {
    const broken = new Error("damaged");
    const { sent, failed, send } = outgoing({
      cached: () => null,
      read: async () => {
        throw broken;
      },
    });
    send([append("b", 1, 3)]);
    await until("the failure is told", () => (failed.length > 0 ? true : null));
    expect(failed).to.deep.equal([broken]);
    expect(sent).to.deep.equal([]);
  });
});
