import { NO_SESSION, encodedSize, rangeOfKey } from "@raftkv/fsm";
import type { Command } from "@raftkv/fsm";
import { Op } from "@raftkv/protocol";
import type { DeleteRequest, Limits, NodeIdentity, PutRequest } from "@raftkv/protocol";
import type { KeyValue, Store } from "@raftkv/store";
import { ClientProposal } from "../group/client-proposal.js";
import type { RequestRefusal, WriteOrigin } from "../group/client-proposal.js";
import { entryBytes } from "../group/entry-bodies.js";
import type { Group } from "../group/group.js";
import type { ReadRequest } from "../group/pending-reads.js";
import { unavailable } from "../group/refusals.js";
import type { WriteAdmission } from "./admission.js";

export interface KeyValueServiceOptions {
  readonly limits: Limits;
  readonly requestTimeoutMs: number;
  readonly identity: () => Omit<NodeIdentity, "limits">;
  readonly admission: WriteAdmission;
  /** The group and the store that serve; null while the cluster has not formed, and once this node is broken. */
  readonly serving: () => { readonly group: Group; readonly store: Store | null } | null;
  /** Why nothing serves now. */
  readonly whyNot: () => string;
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
    const { admission, requestTimeoutMs, serving, whyNot } = this.#options;
    if (serving() === null) {
      origin.refused(request.requestId, unavailable(whyNot()));
      return;
    }
    const command = toCommand(request);
    const waitMs = request.deadlineMs === 0 ? requestTimeoutMs : request.deadlineMs;
    admission.admit(
      new ClientProposal({
        bytes: entryBytes(encodedSize(command, NO_SESSION)),
        command,
        requestId: request.requestId,
        origin,
        expiresAtMs: performance.now() + waitMs,
        budget: admission.budget,
      }),
    );
  }

  linearizableRead(request: ReadRequest): void {
    const serving = this.#options.serving();
    if (serving === null || !serving.group.hasData) request.refused();
    else serving.group.read(request);
  }

  readRefusal(): RequestRefusal {
    const serving = this.#options.serving();
    if (serving === null) return unavailable(this.#options.whyNot());
    return {
      code: "UNAVAILABLE",
      message: !serving.group.hasData
        ? "this node is a witness: it has no data"
        : serving.store === null
          ? "this node is installing a snapshot"
          : "no leader confirmed the read: none is known, or it has just changed",
      leader: this.#options.identity().leader,
      retryAfterMs: null,
    };
  }

  /** The latest applied state of this node; null when it has none to show, or must not show it (W1). */
  get(key: Uint8Array): { readonly revision: number; readonly entry: KeyValue | null } | null {
    const serving = this.#options.serving();
    if (serving === null || serving.store === null) return null;
    return { revision: serving.store.revision, entry: serving.store.get(key) };
  }

  disconnected(origin: WriteOrigin): void {
    this.#options.admission.disconnected(origin);
  }
}

/** Views of the network's buffer are good until the turn ends, when the command is encoded into the log's entry (J). */
function toCommand(request: PutRequest | DeleteRequest): Command {
  return request.op === Op.put
    ? { kind: "put", key: request.key, value: request.value, lease: 0, wantPrevious: false }
    : { kind: "delete", range: rangeOfKey(request.range.start), wantPrevious: false };
}
