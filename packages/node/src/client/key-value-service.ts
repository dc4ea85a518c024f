import { CommandTooLargeError, InvalidCommandError, encodedSize, validateCommand } from "@raftkv/fsm";
import type { Command, CommandLimits } from "@raftkv/fsm";
import { Op } from "@raftkv/protocol";
import type { ClientRequest, Limits, NodeIdentity, SessionPlace } from "@raftkv/protocol";
import { ClientProposal } from "../group/client-proposal.js";
import { entryBytes } from "../group/entry-bodies.js";
import type { RequestRefusal } from "../group/log-proposal.js";
import { unavailable } from "../group/refusals.js";
import type { WriteAdmission } from "./admission.js";
import { commandOf, envelopeOf, needOfSession } from "./commands.js";
import type { WriteRequest } from "./commands.js";
import { LeaderLeaseService } from "./leader-lease-service.js";
import { MemberService } from "./member-service.js";
import { Reads } from "./reads.js";
import type { Timings } from "../metrics/timings.js";
import type { Asker } from "./reads.js";
import type { ServingGroup } from "./serving.js";
import type { WatchOutlet } from "../watch/watcher.js";
import type { Watches } from "../watch/watches.js";

export interface KeyValueServiceOptions {
  readonly limits: Limits;
  readonly commandLimits: CommandLimits;
  readonly requestTimeoutMs: number;
  readonly identity: () => Omit<NodeIdentity, "limits">;
  readonly admission: WriteAdmission;
  readonly watches: Watches;
  /** What serves; null while the cluster has not formed, and once this node is broken. */
  readonly serving: () => ServingGroup | null;
  /** Why nothing serves now. */
  readonly whyNot: () => string;
  readonly timings: Timings;
  /** Our own bug: the end of this node. */
  readonly onFailed: (error: unknown) => void;
}

/** What a client connection may ask of this node. */
export class KeyValueService {
  readonly #options: KeyValueServiceOptions;
  readonly #reads: Reads;
  readonly #members: MemberService;
  readonly #leaderLeases: LeaderLeaseService;

  constructor(options: KeyValueServiceOptions) {
    this.#options = options;
    this.#reads = new Reads(options);
    this.#members = new MemberService(options);
    this.#leaderLeases = new LeaderLeaseService(options);
  }

  get limits(): Limits {
    return this.#options.limits;
  }

  /** Ranges that wait until others are read. */
  get rangesWaiting(): number {
    return this.#reads.waiting;
  }

  identity(): NodeIdentity {
    return { ...this.#options.identity(), limits: this.#options.limits };
  }

  /** `session` is that of the frame. The answer comes through `asker`, later or at once. */
  serve(request: ClientRequest, session: SessionPlace | null, asker: Asker & WatchOutlet): void {
    switch (request.op) {
      case Op.get:
      case Op.range:
      case Op.leaseTimeToLive:
      case Op.leaseList:
      case Op.catalog:
        this.#reads.serve(request, asker);
        return;
      case Op.memberList:
      case Op.memberChange:
      case Op.leaderTransfer:
        this.#members.serve(request, asker);
        return;
      case Op.leaderLeasesShow:
      case Op.leaderLeasesSet:
        this.#leaderLeases.serve(request, asker);
        return;
      case Op.watch:
      case Op.watchCancel:
        this.#options.watches.serve(request, asker);
        return;
      default:
        this.#write(request, session, asker);
    }
  }

  disconnected(asker: Asker & WatchOutlet): void {
    this.#options.admission.disconnected(asker);
    this.#options.watches.disconnected(asker);
    this.#reads.disconnected(asker);
  }

  #write(request: WriteRequest, session: SessionPlace | null, asker: Asker): void {
    const { admission, requestTimeoutMs, serving, timings, whyNot } = this.#options;
    const { requestId } = request;
    if (serving() === null) {
      asker.refused(requestId, unavailable(whyNot()));
      return;
    }
    const command = commandOf(request);
    const refusal = this.#refusalOf(request, command, session);
    if (refusal !== null) {
      asker.refused(requestId, refusal);
      return;
    }
    const envelope = envelopeOf(request, session);
    const waitMs = request.deadlineMs === 0 ? requestTimeoutMs : request.deadlineMs;
    const beganMs = performance.now();
    admission.admit(
      new ClientProposal({
        bytes: entryBytes(encodedSize(command, envelope)),
        command,
        envelope,
        requestId,
        origin: asker,
        expiresAtMs: beganMs + waitMs,
        budget: admission.budget,
        beganMs,
        took: timings.write,
      }),
    );
  }

  /** What the protocol's own checks could not see of a command that must not be proposed (C6). */
  #refusalOf(request: WriteRequest, command: Command, session: SessionPlace | null): RequestRefusal | null {
    // The decoder has judged these in full.
    if (request.op === Op.put || request.op === Op.delete) return null;
    const need = session === null ? needOfSession(request) : null;
    if (need !== null) return invalid(need);
    if (request.op === Op.txn) return null;
    try {
      validateCommand(command, this.#options.commandLimits);
      return null;
    } catch (error) {
      if (error instanceof InvalidCommandError) return invalid(error.message);
      if (!(error instanceof CommandTooLargeError)) throw error;
      return { code: "TOO_LARGE", message: error.message, limit: error.max };
    }
  }
}

function invalid(message: string): RequestRefusal {
  return { code: "INVALID_ARGUMENT", message };
}
