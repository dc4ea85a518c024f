import { encodedCommandSize } from "@raftkv/fsm";
import type { Command } from "@raftkv/fsm";
import { Op } from "@raftkv/protocol";
import type { DeleteRequest, Limits, NodeIdentity, PutRequest } from "@raftkv/protocol";
import type { KeyValue, Store } from "@raftkv/store";
import { logIndex, term } from "raft-ts";
import type { RequestRefusal, WriteOrigin } from "../group/client-proposal.js";
import { entryBytes } from "../group/entry-bodies.js";
import type { Group } from "../group/group.js";
import type { ReadRequest } from "../group/pending-reads.js";

export interface KeyValueServiceOptions {
  readonly limits: Limits;
  readonly requestTimeoutMs: number;
  readonly identity: () => Omit<NodeIdentity, "limits">;
  /** The group and the store that serve; null while the cluster has not formed. */
  readonly serving: () => { readonly group: Group; readonly store: Store } | null;
}

/** What a client connection may ask of this node. */
export class KeyValueService {
  readonly #options: KeyValueServiceOptions;

  constructor(options: KeyValueServiceOptions) {
    this.#options = options;
  }

  get limits(): Limits {
    return this.#options.limits;
  }

  identity(): NodeIdentity {
    return { ...this.#options.identity(), limits: this.#options.limits };
  }

  write(request: PutRequest | DeleteRequest, origin: WriteOrigin): void {
    const serving = this.#options.serving();
    if (serving === null) {
      origin.refused(request.requestId, NOT_FORMED);
      return;
    }
    const command = toCommand(request);
    const waitMs = request.deadlineMs === 0 ? this.#options.requestTimeoutMs : request.deadlineMs;
    serving.group.propose({
      bytes: entryBytes(encodedCommandSize(command)),
      command,
      requestId: request.requestId,
      origin,
      expiresAtMs: performance.now() + waitMs,
      term: term(0),
      index: logIndex(0),
    });
  }

  linearizableRead(request: ReadRequest): void {
    const serving = this.#options.serving();
    if (serving === null) request.refused();
    else serving.group.read(request);
  }

  readRefusal(): RequestRefusal {
    if (this.#options.serving() === null) return NOT_FORMED;
    return {
      code: "UNAVAILABLE",
      message: "no leader confirmed the read: none is known, or it has just changed",
      leader: this.#options.identity().leader,
      retryAfterMs: null,
    };
  }

  /** The latest applied state of this node; null while it has none to show, which is not the same as "no such key". */
  get(key: Uint8Array): { readonly revision: number; readonly entry: KeyValue | null } | null {
    const serving = this.#options.serving();
    if (serving === null) return null;
    return { revision: serving.store.revision, entry: serving.store.get(key) };
  }
}

/** Views of the network's buffer are good until the turn ends, when the command is encoded into the log's entry (J). */
function toCommand(request: PutRequest | DeleteRequest): Command {
  return request.op === Op.put
    ? { kind: "put", key: request.key, value: request.value }
    : { kind: "delete", key: request.key };
}

const NOT_FORMED: RequestRefusal = {
  code: "UNAVAILABLE",
  message: "the cluster has not formed yet: every member must have been reached once",
  leader: null,
  retryAfterMs: null,
};
