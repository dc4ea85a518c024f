import type { LeaderHint, MemberInfo, MembersChange } from "@raftkv/protocol";
import { RaftKvError } from "@raftkv/protocol";
import type { Call } from "./calls/call.js";
import { LeaderTransferCall, MemberChangeCall, MemberListCall } from "./calls/member-calls.js";
import { isLinearizable } from "./options.js";
import type { GetOptions, RequestOptions } from "./options.js";

export interface AddMemberOptions extends RequestOptions {
  /** Where the other members reach it, `host:port`. */
  readonly peer: string;
  /** It votes and stores the log, and has no data. False. */
  readonly witness?: boolean;
  /** It stays a learner until it is promoted. False: it gets its vote by itself, once it is nearly caught up. */
  readonly learner?: boolean;
}

export interface ForcibleOptions extends RequestOptions {
  /** Do it also when too few of the voters that there would be are alive. False. */
  readonly force?: boolean;
}

export type MemberListOptions = Pick<GetOptions, "consistency"> & RequestOptions;

/**
 * The members of the cluster, and who leads it. Each method may be called again when its outcome is not known: what is as
 * it should be already is done. All resolve with the members as they are then.
 */
export class Members {
  readonly #submit: (call: Call, options: RequestOptions) => Promise<unknown>;

  /** Use `client.members`. */
  constructor(submit: (call: Call, options: RequestOptions) => Promise<unknown>) {
    this.#submit = submit;
  }

  /**
   * Of the leader, with who is alive and how far each is; with `serializable` of any node, without.
   * @throws {RaftKvError} as `get`.
   */
  list(options: MemberListOptions = {}): Promise<readonly MemberInfo[]> {
    let call: Call;
    try {
      call = new MemberListCall(isLinearizable(options.consistency));
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#submit(call, options) as Promise<readonly MemberInfo[]>;
  }

  /**
   * Expects a new node, which is then started with `--join` and an empty directory.
   * @throws {RaftKvError} MEMBER_EXISTS, INVALID_ARGUMENT; as `put`.
   */
  add(name: string, options: AddMemberOptions): Promise<readonly MemberInfo[]> {
    const { learner = false, peer, witness = false } = options;
    return this.#change({ kind: "add", name, peer, witness, learnerOnly: learner }, options);
  }

  /** Gives a learner a vote. @throws {RaftKvError} MEMBER_NOT_FOUND, MEMBER_LAGS, QUORUM_AT_RISK; as `put`. */
  promote(name: string, options: ForcibleOptions = {}): Promise<readonly MemberInfo[]> {
    return this.#change({ kind: "promote", name, force: options.force === true }, options);
  }

  /** Where the others reach it from now on. @throws {RaftKvError} MEMBER_NOT_FOUND, MEMBER_EXISTS; as `put`. */
  update(name: string, options: RequestOptions & { readonly peer: string }): Promise<readonly MemberInfo[]> {
    return this.#change({ kind: "update", name, peer: options.peer }, options);
  }

  /**
   * A leader that is removed hands over first. Looks up which server has the name, so that a late copy of the request does not
   * take away another one that got it later. Called again after it was done, it finds nobody.
   * @throws {RaftKvError} MEMBER_NOT_FOUND, QUORUM_AT_RISK; as `put`.
   */
  async remove(name: string, options: ForcibleOptions = {}): Promise<readonly MemberInfo[]> {
    const startedMs = performance.now();
    const members = await this.list(options);
    const member = members.find((one) => one.name === name);
    if (member === undefined) {
      const names = members.map((one) => one.name).join(", ");
      throw new RaftKvError("MEMBER_NOT_FOUND", `there is no member "${name}": there are ${names}`);
    }
    const { serverId } = member;
    const { timeoutMs } = options;
    // Both together have the time that one of them was given.
    const left =
      timeoutMs === undefined
        ? {}
        : { timeoutMs: Math.max(1, Math.ceil(timeoutMs - (performance.now() - startedMs))) };
    const change = { kind: "remove", name, serverId, force: options.force === true } as const;
    return this.#change(change, { ...options, ...left });
  }

  /**
   * Hands leadership over, to `to` or to whoever is best placed. Resolves with who leads then.
   * @throws {RaftKvError} MEMBER_NOT_FOUND; TRANSFER_FAILED: the leader leads on; as `put`.
   */
  transferLeadership(options: RequestOptions & { readonly to?: string } = {}): Promise<LeaderHint> {
    return this.#submit(new LeaderTransferCall(options.to ?? null), options) as Promise<LeaderHint>;
  }

  #change(change: MembersChange, options: RequestOptions): Promise<readonly MemberInfo[]> {
    return this.#submit(new MemberChangeCall(change), options) as Promise<readonly MemberInfo[]>;
  }
}
