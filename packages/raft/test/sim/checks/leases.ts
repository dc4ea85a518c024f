import type { Message, RaftEvent, RaftStatus, ReadGrant, ServerId } from "../../../dist/core/index.js";
import type { Command } from "../entry.js";
import { check } from "../failure.js";
import type { ElectionChecks } from "./elections.js";
import type { Observed } from "./observed.js";

interface Promised {
  readonly to: ServerId | null;
  readonly untilMicros: number;
  /** A vote in an earlier term, late on its way from the disk, helps nobody who could harm it. */
  readonly term: number;
}

/** Leases rest on promises: whoever gave one, or may have before it started, keeps to it (R8, R19). */
export class LeaseChecks {
  readonly #elections: ElectionChecks;
  readonly #promised = new Map<number, Promised>();
  /** Elections that a leader asked for itself; by candidate and term. */
  readonly #transfers = new Set<string>();

  constructor(elections: ElectionChecks) {
    this.#elections = elections;
  }

  started(server: Observed, status: RaftStatus): void {
    const lease = status.configuration.lease ?? null;
    if (lease === null) this.#promised.delete(server.number);
    // It has forgotten whom it heard, and when (R8).
    else
      this.#promised.set(server.number, {
        to: null,
        untilMicros: server.clockMicros + lease.electionTimeoutMicros,
        // A vote that was given before the start may be given again.
        term: status.currentTerm,
      });
  }

  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void {
    const { leaseEndMicros } = after;
    if (leaseEndMicros !== null) {
      const { electionTimeoutMicros = 0, marginPercent = 0 } = after.configuration.lease ?? {};
      check(
        leaseEndMicros <= server.clockMicros + (electionTimeoutMicros * (100 - marginPercent)) / 100,
        "a lease ends a margin before the shortest election timeout after its heartbeats left (R19)",
        () => `the lease of ${server.id} ends at ${leaseEndMicros}, its clock shows ${server.clockMicros}`,
      );
    }
    if (event.kind !== "receive" || !isLeaders(event.message)) return;
    const { message } = event;
    const lease = before.configuration.lease ?? null;
    if (message.term < before.currentTerm || lease === null) return;
    const untilMicros = server.clockMicros + lease.electionTimeoutMicros;
    this.#promised.set(server.number, { to: message.from, untilMicros, term: message.term });
  }

  leaves(server: Observed, message: Message): void {
    switch (message.kind) {
      case "voteRequest":
        if (message.transfer) this.#transfers.add(`${server.id} ${message.term}`);
        else this.#keepsPromise(server, message, server.id);
        return;
      case "voteResponse":
        if (message.granted && !this.#transfers.has(`${message.to} ${message.term}`)) {
          this.#keepsPromise(server, message, message.to);
        }
        return;
      default:
        return;
    }
  }

  granted(server: Observed, grant: ReadGrant): void {
    if (grant.leaseEndMicros === null) return;
    check(
      this.#elections.lastTerm <= grant.term,
      "a lease has ended before another server leads (R19)",
      () =>
        `${server.id} grants a read by its lease of term ${grant.term}, term ${this.#elections.lastTerm} has a leader`,
    );
  }

  answersRead(server: Observed, grant: ReadGrant, holds: boolean): void {
    if (grant.leaseEndMicros === null || !holds) return;
    check(
      server.clockMicros < grant.leaseEndMicros,
      "nothing is answered on a lease that has ended (R19)",
      () => `${server.id} answers at ${server.clockMicros}, its lease ended at ${grant.leaseEndMicros}`,
    );
  }

  #keepsPromise(server: Observed, message: Message, candidate: ServerId): void {
    const promised = this.#promised.get(server.number);
    // Without the lease in its log it knows of no promise; what it gave may be covered by others then.
    if (promised === undefined || promised.to === candidate || message.term <= promised.term) return;
    check(
      server.clockMicros >= promised.untilMicros,
      "a server that promised to keep its leader votes for no other (R8, R19)",
      () => `${server.id} sends ${JSON.stringify(message)} before ${promised.untilMicros}`,
    );
  }
}

function isLeaders({ kind }: Message): boolean {
  return (
    kind === "heartbeatRequest" ||
    kind === "appendRequest" ||
    kind === "commitNotice" ||
    kind === "installSnapshot"
  );
}
