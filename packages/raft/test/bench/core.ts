// What the core alone costs: every server of a group in one thread, disks and network that take no time.
// `npm run bench:core`; exits 1 when a bar is missed.
import { DEFAULT_RAFT_LIMITS, FRAME_HEADER_BYTES, Raft, logIndex, serverId, term } from "raft-ts";
import type { Configuration, LogBase, LogIndex, Message, Proposal, RaftRestart, ServerId } from "raft-ts";

const PROPOSAL: Proposal = { bytes: FRAME_HEADER_BYTES + 16 };
/** The log is kept at its length by compaction, in steps of this many entries. */
const COMPACTION_STEP = 1024;
/** Every figure is the least, and every ratio the median, of so many runs that take turns. */
const RUNS = 15;
const LONG_LOG_RATIO_MAX = 1.1;
const MEMBERS_RATIO_MAX = 1.3;

/** A group whose messages are delivered and whose writes complete as soon as they are made. */
class Group {
  readonly #ids: readonly ServerId[];
  readonly #servers = new Map<ServerId, Raft>();
  readonly #leader: Raft;
  readonly #logEntries: number;
  #queue: Message[] = [];
  #last: number;
  #compacted: number;

  constructor({ members, logEntries }: { members: number; logEntries: number }) {
    this.#ids = Array.from({ length: members }, (_, at) => serverId(`n${at + 1}`));
    this.#logEntries = logEntries;
    this.#last = logEntries;
    this.#compacted = 0;
    const configuration: Configuration = {
      voters: this.#ids,
      outgoing: [],
      learners: [],
      witnesses: [],
      autoLeave: true,
      lease: null,
    };
    const base: LogBase = { index: logIndex(0), term: term(0), configuration };
    const restart: RaftRestart = {
      hardState: { currentTerm: term(1), votedFor: null },
      base,
      entries: {
        from: logIndex(1),
        to: logIndex(logEntries + 1),
        runs: [{ term: term(1), from: logIndex(1), to: logIndex(logEntries + 1) }],
        sizes: new Uint32Array(logEntries).fill(PROPOSAL.bytes),
        configurations: [],
      },
      appliedIndex: logIndex(logEntries),
    };
    for (const [at, id] of this.#ids.entries()) {
      const options = {
        ...DEFAULT_RAFT_LIMITS,
        id,
        seed: at,
        bootEpoch: 1,
        heartbeatTicks: 5,
        electionTimeoutTicks: 50,
      };
      this.#servers.set(id, new Raft(options, restart));
    }
    const leader = this.#servers.get(this.#ids[0] ?? serverId(""));
    if (leader === undefined) throw new RangeError("a group has at least one member");
    this.#leader = leader;
    while (!leader.isLeader) {
      leader.step({ kind: "tick" });
      this.#turn(leader);
    }
    this.#last += 1;
  }

  /** Proposes `count` entries in batches; returns once all are committed and applied everywhere. */
  run(count: number, batch: readonly Proposal[]): void {
    for (let done = 0; done < count; done += batch.length) {
      this.#leader.step({ kind: "propose", proposals: batch });
      this.#turn(this.#leader);
      this.#last += batch.length;
      if (this.#last - this.#compacted >= this.#logEntries + COMPACTION_STEP) this.#compact();
    }
    for (const server of this.#servers.values()) {
      const { appliedIndex, commitIndex } = server.status();
      if (appliedIndex !== this.#last || commitIndex !== this.#last) {
        throw new Error(`${appliedIndex} entries are applied, ${commitIndex} committed, of ${this.#last}`);
      }
    }
  }

  #compact(): void {
    this.#compacted = this.#last - this.#logEntries;
    for (const server of this.#servers.values())
      server.step({ kind: "compacted", index: logIndex(this.#compacted) });
  }

  #turn(from: Raft): void {
    this.#drain(from);
    for (;;) {
      const messages = this.#queue;
      if (messages.length === 0) return;
      this.#queue = [];
      for (const message of messages) {
        const server = this.#servers.get(message.to);
        if (server === undefined) throw new RangeError(`there is no ${message.to}`);
        server.step({ kind: "receive", message });
        this.#drain(server);
      }
    }
  }

  #drain(server: Raft): void {
    for (let ready = server.ready(); ready !== null; ready = server.ready()) {
      for (const message of ready.sendNow) this.#queue.push(message);
      if (ready.apply !== null) server.step({ kind: "applied", index: (ready.apply.to - 1) as LogIndex });
      if (ready.write === null) continue;
      for (const message of ready.write.thenSend) this.#queue.push(message);
      server.step({ kind: "persisted", writeSeq: ready.write.writeSeq });
    }
  }
}

interface Case {
  readonly members: number;
  readonly logEntries: number;
  readonly batch: number;
  readonly count: number;
}

/** Nanoseconds of CPU per entry, a row for each run. The cases take turns, so that all meet the same machine. */
function measure(cases: readonly Case[]): number[][] {
  const groups = cases.map((one) => new Group(one));
  const rows: number[][] = [];
  for (let run = -1; run < RUNS; run += 1) {
    const row = cases.map(({ batch, count }, at) => {
      const proposals = Array.from({ length: batch }, () => PROPOSAL);
      const from = process.cpuUsage();
      groups[at]?.run(count, proposals);
      const { user, system } = process.cpuUsage(from);
      return (1000 * (user + system)) / count;
    });
    // The first round only warms up.
    if (run >= 0) rows.push(row);
  }
  return rows;
}

const least = (rows: readonly number[][], at: number): number =>
  Math.min(...rows.map((row) => row[at] ?? Infinity));

/** The median over the runs of case `over` divided by case `under`. */
function ratio(rows: readonly number[][], over: number, under: number): number {
  const ratios = rows
    .map((row) => (row[over] ?? Infinity) / (row[under] ?? 0))
    .sort((left, right) => left - right);
  return ratios[Math.floor(ratios.length / 2)] ?? Infinity;
}

const perSecond = (nanos = Infinity): string => Math.round(1e9 / nanos).toLocaleString("en-US");
const micros = (nanos = Infinity): string => (nanos / 1000).toFixed(3);

function main(): void {
  const rows = measure([
    { members: 3, logEntries: 10_000, batch: 64, count: 256 * 1024 },
    { members: 3, logEntries: 10_000, batch: 1, count: 32 * 1024 },
  ]);
  const [by64, by1] = [least(rows, 0), least(rows, 1)];
  console.log(
    `three cores, one thread, 16-byte entries in batches of 64: ${perSecond(by64)} entries/s, ${micros(by64)} µs each`,
  );
  console.log(
    `three cores, one thread, 16-byte entries in batches of 1:  ${perSecond(by1)} entries/s, ${micros(by1)} µs each`,
  );

  const long = measure([
    { members: 3, logEntries: 1000, batch: 64, count: 128 * 1024 },
    { members: 3, logEntries: 1_000_000, batch: 64, count: 128 * 1024 },
    { members: 3, logEntries: 1000, batch: 1, count: 16 * 1024 },
    { members: 3, logEntries: 1_000_000, batch: 1, count: 16 * 1024 },
  ]);
  const wide = measure([
    { members: 3, logEntries: 10_000, batch: 64, count: 64 * 1024 },
    { members: 7, logEntries: 10_000, batch: 64, count: 64 * 1024 },
    { members: 3, logEntries: 10_000, batch: 1, count: 16 * 1024 },
    { members: 7, logEntries: 10_000, batch: 1, count: 16 * 1024 },
  ]);
  let missed = 0;
  const bar = (what: string, value: number, max: number): void => {
    const kept = value <= max;
    if (!kept) missed += 1;
    console.log(`${what}: ${value.toFixed(2)} x (at most ${max} x)${kept ? "" : "   MISSED"}`);
  };
  for (const [at, batch] of [64, 1].entries()) {
    const longer = ratio(long, 2 * at + 1, 2 * at);
    bar(`an entry with 10^6 in the log against 10^3, batches of ${batch}`, longer, LONG_LOG_RATIO_MAX);
  }
  for (const [at, batch] of [64, 1].entries()) {
    const perFollower = ratio(wide, 2 * at + 1, 2 * at) * (2 / 6);
    bar(
      `an entry and follower with 7 members against 3, batches of ${batch}`,
      perFollower,
      MEMBERS_RATIO_MAX,
    );
  }
  process.exitCode = missed === 0 ? 0 : 1;
}

main();
