import type {
  LogBase,
  Message,
  RaftEvent,
  RaftStatus,
  ReadGrant,
  Ready,
  Rejection,
  ServerId,
} from "../../../dist/core/index.js";
import type { Context } from "../context.js";
import type { LogWrite, Recovered } from "../durable-log.js";
import { numberOf } from "../entry.js";
import type { Command, EntryLog, SimBase, SimEntry } from "../entry.js";
import { check } from "../failure.js";
import { MarkWatch } from "../mark-watch.js";
import { AnswerChecks } from "./answers.js";
import { AppliedChecks } from "./applied.js";
import { CommittedChecks } from "./committed.js";
import { ElectionChecks } from "./elections.js";
import { LeaseChecks } from "./leases.js";
import { MemberChecks } from "./members.js";
import { DisturbanceChecks } from "./disturbance.js";
import type { Observed, Observer } from "./observed.js";
import { ProbeChecks } from "./probes.js";
import { PromiseChecks } from "./promises.js";
import { ReadRoundChecks } from "./read-rounds.js";
import { TimerChecks } from "./timers.js";

const KINDS: readonly RaftEvent["kind"][] = [
  "tick",
  "receive",
  "propose",
  "persisted",
  "applied",
  "read",
  "unreachable",
  "connectionLost",
  "transferLeadership",
  "changeMembership",
  "leaveJoint",
  "changeLease",
  "compacted",
  "snapshotReceived",
  "snapshotReported",
  "readByMajority",
];
const ROLES: readonly RaftStatus["role"][] = ["follower", "preCandidate", "candidate", "leader"];

/** Knows more than any server does, and compares what they do with it after every step. */
export class Oracle implements Observer {
  readonly #context: Context;
  readonly #committed: CommittedChecks;
  readonly #elections: ElectionChecks;
  readonly #promises: PromiseChecks;
  readonly #timers: TimerChecks;
  readonly #answers = new AnswerChecks();
  readonly #applied = new AppliedChecks();
  readonly #readRounds = new ReadRoundChecks();
  readonly #probes: ProbeChecks;
  readonly #disturbance: DisturbanceChecks;
  readonly #leases: LeaseChecks;
  readonly #members: MemberChecks;
  readonly #watch: MarkWatch;

  constructor(context: Context, servers: ReadonlyMap<ServerId, Observed>) {
    const find = (id: ServerId): Observed | null => servers.get(id) ?? null;
    this.#context = context;
    this.#committed = new CommittedChecks(servers, context.marks);
    this.#elections = new ElectionChecks(this.#committed);
    this.#promises = new PromiseChecks(this.#elections, find);
    this.#timers = new TimerChecks(context.parameters.electionTimeoutTicks);
    this.#disturbance = new DisturbanceChecks(context.parameters);
    this.#leases = new LeaseChecks(this.#elections);
    this.#members = new MemberChecks(find, this.#committed, context.parameters);
    this.#probes = new ProbeChecks(find, context.marks);
    this.#watch = new MarkWatch(context.marks, context.parameters.uncommittedBytesMax);
  }

  get committedIndex(): number {
    return this.#committed.lastIndex;
  }

  isCommitted(log: EntryLog, index: number): boolean {
    return log.chainAt(index) === this.#committed.chainAt(index);
  }

  /** Where the logs of the first servers begin. */
  begins(start: SimBase): void {
    this.#committed.begins(start);
  }

  started(server: Observed, status: RaftStatus, recovered: Recovered): void {
    const { currentTerm, votedFor } = recovered.hardState;
    check(
      status.currentTerm >= currentTerm && (status.currentTerm > currentTerm || status.votedFor === votedFor),
      "term and vote survive a restart (R1)",
      () => `${server.id} starts in term ${status.currentTerm}, on disk is ${currentTerm}`,
    );
    this.#timers.started(server);
    this.#disturbance.started(server);
    this.#leases.started(server, status);
    this.#watch.started(status);
  }

  crashed(server: Observed): void {
    this.#watch.crashed(server);
  }

  turnBegins(_server: Observed, status: RaftStatus): void {
    this.#elections.turnBegins(status);
    this.#answers.turnBegins(status);
    this.#disturbance.turnBegins();
    this.#promises.turnBegins(status);
    this.#watch.turnBegins();
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    const context = this.#context;
    context.count("steps");
    if (this.#elections.stepped(server, before, after)) context.count("elections");
    // It may step down in the very step in which it commits (§4.2.2).
    const led = before.role === "leader" && before.currentTerm === after.currentTerm;
    if (after.commitIndex > before.commitIndex && (after.role === "leader" || led)) {
      this.#committed.byLeader(server, before, after);
    }
    this.#timers.stepped(server, event, before, after);
    this.#disturbance.stepped(server, event, before, after);
    this.#answers.stepped(server, event, before, after);
    this.#leases.stepped(server, event, before, after);
    this.#members.stepped(server, event, before, after);
    this.#probes.stepped(server, event, before, after);
    this.#watch.stepped(server, event, before, after);
    const { trace } = context;
    trace.add(context.now);
    trace.add(
      (server.number * KINDS.length + KINDS.indexOf(event.kind)) * ROLES.length + ROLES.indexOf(after.role),
    );
    trace.add(after.currentTerm);
    trace.add(after.lastIndex);
    trace.add(after.commitIndex);
  }

  readied(server: Observed, ready: Ready<Command>): void {
    this.#elections.readied(server, ready);
    this.#promises.readied(ready);
    this.#watch.readied(server, ready);
  }

  turnEnded(server: Observed, ready: Ready<Command> | null): void {
    const { status } = server;
    // The process may have ended while it carried the Ready out.
    if (status === null) return;
    this.#elections.turnEnded(server);
    this.#committed.agrees(server, status.commitIndex);
    this.#promises.turnEnded(server, status);
    this.#answers.turnEnded(server, ready);
    this.#disturbance.turnEnded(server, ready);
    this.#timers.turnEnded(server, status);
    this.#members.turnEnded(server, status);
  }

  rejected(server: Observed, rejection: Rejection<Command>): void {
    this.#answers.rejected(server, rejection);
    this.#watch.rejected(rejection);
  }

  granted(server: Observed, grant: ReadGrant): void {
    this.#leases.granted(server, grant);
    this.#watch.granted(server, grant);
  }

  answersRead(server: Observed, grant: ReadGrant, holds: boolean): void {
    this.#leases.answersRead(server, grant, holds);
    this.#watch.answersRead(holds);
  }

  compactable(server: Observed, index: number): void {
    this.#members.compactable(server, index);
    this.#watch.compactable();
  }

  named(server: Observed, base: LogBase): void {
    this.#members.named(server, base);
  }

  expected(server: Observed, from: ServerId, term: number): void {
    this.#members.expected(server, from, term);
  }

  leaves(server: Observed, message: Message): void {
    this.#promises.leaves(server, message);
    this.#elections.leaves(server, message);
    this.#timers.leaves(server, message);
    this.#leases.leaves(server, message);
    this.#readRounds.leaves(server, message);
    this.#probes.leaves(server, message);
    this.#members.leaves(server, message);
    this.#context.trace.add(numberOf(message.from) * 64 + numberOf(message.to));
    this.#context.trace.add(message.term);
  }

  folding(server: Observed, durable: Recovered, write: LogWrite): void {
    this.#committed.folding(server, durable, write);
  }

  applied(server: Observed, entry: SimEntry, tookEffect: boolean): void {
    this.#applied.applied(server, entry, tookEffect);
    this.#context.trace.add(server.machine.hash);
  }
}
