import { RaftKvError } from "@raftkv/protocol";
import type { Client } from "./client.js";
import type { Lease } from "./lease.js";
import { compare, get, put } from "./operations.js";
import { toMilliseconds, toSignal } from "./options.js";
import type { RequestOptions } from "./options.js";

export interface LockOptions {
  /** How long the lock outlives its holder when that falls silent. 10 s. */
  readonly ttlSeconds?: number;
  /** Milliseconds after which waiting for the lock ends with TIMEOUT; without it, never. */
  readonly timeoutMs?: number;
  /** Stops waiting. */
  readonly signal?: AbortSignal;
}

/** Hexadecimal digits of a lease in the key of a place: enough for each up to 2^53. */
const PLACE_DIGITS = 14;

/** A lock that is held. */
export class Lock {
  readonly name: string;
  /**
   * The fencing token: the revision at which its place in the queue was taken, so each later holder has a larger one.
   * Whatever the lock protects refuses a smaller token than the largest it has seen: a holder that was asleep while its
   * lock expired then does no harm.
   */
  readonly token: number;
  /** The key that stands for it; a transaction that compares its create revision with the token is safe by itself. */
  readonly key: string;
  readonly #lease: Lease;

  /** Use `client.lock`. */
  constructor(name: string, token: number, key: string, lease: Lease) {
    this.name = name;
    this.token = token;
    this.key = key;
    this.#lease = lease;
  }

  /** Aborted when the lock is lost, as its lease was. */
  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  /** Gives it to the next one. */
  async release(options: RequestOptions = {}): Promise<void> {
    await this.#lease.revoke(options);
  }
}

/**
 * Takes a place in the queue of `name`, and waits for all before it to leave. A place is a key below `name/` with a
 * lease, and the queue's order is that of the revisions that created them. Each waits for the one before it only, so
 * that a release wakes up one.
 */
export async function acquire(client: Client, name: string, options: LockOptions): Promise<Lock> {
  if (typeof name !== "string" || name === "") {
    throw new RaftKvError("INVALID_ARGUMENT", `the lock's name is ${JSON.stringify(name)}: a text is wanted`);
  }
  const signal = toSignal(options.signal);
  const given = signal === null ? [] : [signal];
  const timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, 0);
  const deadline = timeoutMs === 0 ? null : AbortSignal.timeout(timeoutMs);
  const patience = AbortSignal.any(deadline === null ? given : [...given, deadline]);
  try {
    const lease = await client.lease({ ttlSeconds: options.ttlSeconds ?? 10, signal: patience });
    const held = AbortSignal.any([patience, lease.signal]);
    try {
      const key = `${name}/${lease.id.toString(16).padStart(PLACE_DIGITS, "0")}`;
      const token = await takePlace(client, key, lease, held);
      await waitForTurn(client, name, token, held);
      return new Lock(name, token, key, lease);
    } catch (error) {
      // Its place in the queue goes with the lease, and if that cannot be said now, when it expires.
      await lease.revoke().catch(() => {});
      throw error;
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (deadline?.aborted !== true) throw error;
    const message = `lock ${JSON.stringify(name)} was not free within ${timeoutMs} ms`;
    throw new RaftKvError("TIMEOUT", message, { cause: error });
  }
}

/** Returns the revision that created the key. */
async function takePlace(client: Client, key: string, lease: Lease, signal: AbortSignal): Promise<number> {
  const { revision, succeeded, results } = await client
    .txn()
    .if(compare(key).createRevision.equals(0))
    .then(put(key, "", { lease }))
    .else(get(key))
    .commit({ signal });
  const [found] = results;
  if (succeeded || found?.kind !== "get" || found.kv === null) return revision;
  return found.kv.createRevision;
}

async function waitForTurn(client: Client, name: string, token: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const query = { keysOnly: true, maxCreateRevision: token, signal };
    const { entries, revision } = await client.getRange({ prefix: `${name}/` }, query);
    // Below the same prefix may stand the places of another lock, whose name has this one's before a slash.
    const places = entries.filter(
      (kv) => kv.key.length === name.length + 1 + PLACE_DIGITS && kv.createRevision < token,
    );
    places.sort((left, right) => right.createRevision - left.createRevision);
    const [before] = places;
    if (before === undefined) return;
    const watch = client.watch(before.key, { fromRevision: revision + 1, noPut: true, signal });
    for await (const _gone of watch) break;
    signal.throwIfAborted();
  }
}
