import { LEASE_MARGIN_PERCENT, LEASE_MARGIN_PERCENT_MAX, RaftKvError } from "@raftkv/protocol";
import type { LeaderLeases as LeaderLeasesStatus } from "@raftkv/protocol";
import type { Call } from "./calls/call.js";
import { LeaderLeasesSetCall, LeaderLeasesShowCall } from "./calls/member-calls.js";
import type { RequestOptions } from "./options.js";

export { LEASE_MARGIN_PERCENT, LEASE_MARGIN_PERCENT_MAX } from "@raftkv/protocol";
export type { LeaderLeaseSettings, LeaderLeases as LeaderLeasesStatus } from "@raftkv/protocol";

export interface LeaderLeasesOnOptions extends RequestOptions {
  /** By how much of the election timeout a lease ends earlier, for clocks that drift: 1 to 90 percent. 20. */
  readonly marginPercent?: number;
}

/**
 * Whether the leader answers linearizable reads by a lease, without asking a majority for each. A setting of the cluster, off at
 * first. Each method may be called again when its outcome is not known.
 */
export class LeaderLeases {
  readonly #submit: (call: Call, options: RequestOptions) => Promise<unknown>;

  /** Use `client.leaderLeases`. */
  constructor(submit: (call: Call, options: RequestOptions) => Promise<unknown>) {
    this.#submit = submit;
  }

  /** As the leader has them. @throws {RaftKvError} as `get`. */
  show(options: RequestOptions = {}): Promise<LeaderLeasesStatus> {
    return this.#submit(new LeaderLeasesShowCall(), options) as Promise<LeaderLeasesStatus>;
  }

  /**
   * With the election timeout of the leader of this moment. Resolves once a majority has it in its log.
   * @throws {RaftKvError} LEASES_REFUSED, INVALID_ARGUMENT; as `put`.
   */
  on(options: LeaderLeasesOnOptions = {}): Promise<LeaderLeasesStatus> {
    const margin = options.marginPercent ?? LEASE_MARGIN_PERCENT;
    if (!Number.isInteger(margin) || margin < 1 || margin > LEASE_MARGIN_PERCENT_MAX) {
      const message = `marginPercent is ${String(margin)}: 1 to ${LEASE_MARGIN_PERCENT_MAX} are allowed`;
      return Promise.reject(new RaftKvError("INVALID_ARGUMENT", message));
    }
    return this.#submit(new LeaderLeasesSetCall(margin), options) as Promise<LeaderLeasesStatus>;
  }

  /** @throws {RaftKvError} as `put`. */
  off(options: RequestOptions = {}): Promise<LeaderLeasesStatus> {
    return this.#submit(new LeaderLeasesSetCall(null), options) as Promise<LeaderLeasesStatus>;
  }
}
