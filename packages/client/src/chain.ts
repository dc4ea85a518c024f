import { RaftKvError } from "@raftkv/protocol";
import type { PendingRequest } from "./pending-request.js";

/**
 * The order of one appender's batches: each names the one before it, and the cluster carries it out only behind that.
 * Once one has failed nothing that was submitted behind it slips through (F3).
 */
export class Chain {
  /** What the first one that failed ended with; null while none has. */
  failure: RaftKvError | null = null;
  /** Batches that have not ended. */
  #open = 0;
  #last: PendingRequest | null = null;
  /** Those that failed. */
  #failed: PendingRequest[] = [];

  /** Puts a batch behind those there are. */
  add(request: PendingRequest): void {
    request.chain = this;
    request.after = this.#last;
    this.#last = request;
    this.#open += 1;
  }

  /**
   * It has ended. When it failed, its session must go on as if it had not: were its number counted among those that
   * were answered, the cluster would take its successors that are still under way for being in order.
   * @returns those that the session may now count as answered.
   */
  ended(request: PendingRequest, failure: RaftKvError | null): readonly PendingRequest[] {
    this.#open -= 1;
    request.after = null;
    if (failure !== null) {
      this.failure ??= failure;
      this.#failed.push(request);
    }
    if (this.#failed.length === 0) return [request];
    const done = failure === null ? [request] : [];
    if (this.#open > 0) return done;
    const all = [...done, ...this.#failed];
    this.#failed = [];
    return all;
  }
}

/** With what a batch ends that was not carried out because one before it failed, with `cause`. */
export function brokenError(cause: RaftKvError): RaftKvError {
  return new RaftKvError("CLOSED", `an earlier batch of the appender failed: ${cause.message}`, { cause });
}
