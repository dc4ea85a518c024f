import type { Configuration, RaftStatus, ServerId } from "../../../dist/core/index.js";
import type { LogWrite, Recovered } from "../durable-log.js";
import { NO_MEMBERS } from "../entry.js";
import type { EntryLog, SimBase } from "../entry.js";
import { check } from "../failure.js";
import type { Marks } from "../marks.js";
import type { Observed } from "./observed.js";

/** What is committed, as the whole group's truth: nobody may ever differ from it, nor lose it. */
export class CommittedChecks {
  /** The hash over the log up to each committed index. */
  readonly #chains: number[] = [];
  /** How far the leader of each term has committed. */
  readonly #byTerm = new Map<number, number>();
  readonly #servers: ReadonlyMap<ServerId, Observed>;
  readonly #marks: Marks;
  /** The latest one that is committed. */
  #configuration: Configuration = NO_MEMBERS;

  constructor(servers: ReadonlyMap<ServerId, Observed>, marks: Marks) {
    this.#servers = servers;
    this.#marks = marks;
  }

  /** All logs begin behind this: it counts as committed. */
  begins({ base, chain }: SimBase): void {
    this.#configuration = base.configuration;
    for (let index = 0; index < base.index; index += 1) this.#chains.push(index === 0 ? 0 : -1);
    this.#chains.push(chain);
  }

  get lastIndex(): number {
    return this.#chains.length - 1;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  chainAt(index: number): number | null {
    return this.#chains[index] ?? null;
  }

  /** How far leaders of terms before `term` have committed. */
  lastBefore(term: number): number {
    let last = 0;
    for (const [committedIn, index] of this.#byTerm) if (committedIn < term && index > last) last = index;
    return last;
  }

  /** A leader moved its commit index. */
  byLeader(leader: Observed, before: RaftStatus, after: RaftStatus): void {
    const { commitIndex, currentTerm } = after;
    const where = (): string => `${leader.id} commits ${commitIndex} in term ${currentTerm}`;
    check(
      leader.core?.termAt(commitIndex) === currentTerm,
      "only entries of the leader's own term are committed by counting (R9)",
      where,
    );
    const chain = leader.memory.chainAt(commitIndex);
    check(chain !== null, "a leader commits only what was sent or written", where);
    check(
      isOnMajority(after.configuration, (voter) => this.#holds(voter, commitIndex, chain)),
      "a committed entry is on the disks of a majority (§3.6.2, R1)",
      () => `${where()}; it is durable on ${this.#holders(commitIndex, chain).join(", ") || "nobody"}`,
    );
    for (let index = this.#chains.length; index <= commitIndex; index += 1) {
      this.#chains.push(leader.memory.chainAt(index) ?? -1);
    }
    this.#byTerm.set(currentTerm, Math.max(this.#byTerm.get(currentTerm) ?? 0, commitIndex));
    // An earlier term's leader may still be at work, further down.
    if (commitIndex === this.lastIndex) this.#configuration = leader.memory.configurationBelow(commitIndex);
    this.agrees(leader, commitIndex);
    if (leader.core?.termAt((before.commitIndex + 1) as never) !== currentTerm)
      this.#marks.hit("oldTermCommitted");
    if (after.durableIndex < commitIndex) this.#marks.hit("commitWithoutLeader");
  }

  /** Whoever takes an index for committed holds the very entries that are (state-machine safety, §3.6.3). */
  agrees(server: Observed, commitIndex: number): void {
    const truth = this.#chains[commitIndex];
    check(
      truth !== undefined,
      "nobody takes for committed what no leader committed (§3.6.3)",
      () => `${server.id} takes ${commitIndex} for committed, committed is ${this.lastIndex}`,
    );
    check(
      server.memory.holds(commitIndex, truth),
      "all servers commit the same entries (state-machine safety, §3.6.3)",
      () => `${server.id} has another log below its commit index ${commitIndex}`,
    );
  }

  /** A committed entry that a majority counted on stays there, and what is compacted or installed is committed. */
  folding(server: Observed, { entries }: Recovered, write: LogWrite): void {
    const { base } = write;
    if (base !== null) {
      check(
        this.#chains[base.base.index] === base.chain,
        "what a log begins behind is committed (§5.1, R23)",
        () => `${server.id} begins behind ${base.base.index}`,
      );
    }
    const isReset = base?.kind === "installed";
    const [first] = write.entries;
    if (!isReset && (first === undefined || first.index > entries.lastIndex)) return;
    const from = isReset ? base.base.index + 1 : (first?.index ?? 0);
    // The longest committed prefix that is on this disk now has to be there afterwards.
    let last = entries.baseIndex;
    const end = Math.min(entries.lastIndex, this.lastIndex);
    if (from - 1 > last && this.#agreesAt(entries, from - 1)) last = from - 1;
    while (last < end && this.#agreesAt(entries, last + 1)) last += 1;
    if (last < from) return;
    const after = first === undefined ? undefined : write.entries[last - first.index]?.chain;
    const truth = this.#chains[last] ?? -1;
    if (after === truth) return;
    // Legal only where nobody counted on this copy: a late append of an earlier leader, to a server that has missed the
    // later ones.
    check(
      isOnMajority(this.#configuration, (voter) => voter !== server.id && this.#holds(voter, last, truth)),
      "a committed entry stays on the disks of a majority (R10, R23)",
      () => `${server.id} overwrites from ${from}, committed and durable was ${last}`,
    );
  }

  #agreesAt(entries: EntryLog, index: number): boolean {
    return index <= entries.lastIndex && entries.chainAt(index) === this.#chains[index];
  }

  #holds(id: ServerId, index: number, chain: number): boolean {
    return this.#servers.get(id)?.durable.entries.holds(index, chain) === true;
  }

  #holders(index: number, chain: number): ServerId[] {
    return [...this.#servers.keys()].filter((id) => this.#holds(id, index, chain));
  }
}

export function isOnMajority(configuration: Configuration, has: (voter: ServerId) => boolean): boolean {
  const { voters, outgoing } = configuration;
  return isMajorityOf(voters, has) && (outgoing.length === 0 || isMajorityOf(outgoing, has));
}

function isMajorityOf(voters: readonly ServerId[], has: (voter: ServerId) => boolean): boolean {
  return 2 * voters.filter(has).length > voters.length;
}
