import { DEADLINE_MS_MAX, RaftKvError, TTL_MS_MAX } from "@raftkv/protocol";

export interface ConnectOptions {
  /** Client addresses of some nodes, `host:port` or `[ipv6]:port`. The others are found through them. */
  readonly endpoints: readonly string[];
  /** Deadline of the connecting itself, and of every request that names none. 5,000 ms. */
  readonly timeoutMs?: number;
  /** Refuse nodes of any other cluster. Without it the first node that answers decides. */
  readonly clusterId?: string;
  /** Ends the connecting. It does not close a client that is connected. */
  readonly signal?: AbortSignal;
  /** How this client is called in the nodes' logs. */
  readonly clientName?: string;
  /** How long one attempt may take, from dialling to the node's welcome. 2,000 ms. */
  readonly connectTimeoutMs?: number;
  /** How long one attempt is left alone before the next endpoint is tried beside it. 150 ms. */
  readonly headStartMs?: number;
  /** A connection on which nothing was heard for this long, pings included, is given up. 2,500 ms. */
  readonly silenceTimeoutMs?: number;
  /** Bytes of the largest message taken from a node. 64 MiB. */
  readonly maxFrameBytes?: number;
  /** Bytes that may wait in one socket before further requests wait in the client, unsent. 8 MiB. */
  readonly maxBufferedBytes?: number;
  /**
   * Whether writes go in a session, in which each is carried out once however often it has to be sent (F3). Without, a
   * write whose answer is lost ends with OUTCOME_UNKNOWN. True.
   */
  readonly sessions?: boolean;
  /** How long the cluster remembers a session that it does not hear of. 60,000 ms. */
  readonly sessionTtlMs?: number;
}

export interface RequestOptions {
  /** Milliseconds after which the request ends, whatever came of it. */
  readonly timeoutMs?: number;
  /** Stops waiting. A write that was already sent may still be carried out: it ends with OUTCOME_UNKNOWN (C1). */
  readonly signal?: AbortSignal;
}

export interface GetOptions extends RequestOptions {
  /** `linearizable`, the default, sees every write that was acknowledged before; `serializable` may be stale. */
  readonly consistency?: "linearizable" | "serializable";
  /** The key as it stood at this revision; without it, or with 0, as it stands. */
  readonly revision?: number;
}

export interface DeleteOptions extends RequestOptions {
  /** Whether the result shall have what was deleted. */
  readonly previous?: boolean;
}

/** Options as they were checked, with every default filled in. */
export interface Settings {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly clusterId: string | null;
  readonly clientName: string;
  readonly connectTimeoutMs: number;
  readonly headStartMs: number;
  readonly silenceTimeoutMs: number;
  readonly maxFrameBytes: number;
  readonly maxBufferedBytes: number;
  readonly sessions: boolean;
  readonly sessionTtlMs: number;
}

/** @throws {RaftKvError} INVALID_ARGUMENT, saying what is wrong and what is allowed. */
export function toSettings(options: ConnectOptions): Settings {
  // Nothing types a call from JavaScript: `connect()` and `connect(null)` arrive here as well.
  const endpoints = (options as ConnectOptions | null | undefined)?.endpoints;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw new RaftKvError(
      "INVALID_ARGUMENT",
      'endpoints: an array of at least one host:port is wanted, as in connect({ endpoints: ["127.0.0.1:7401"] })',
    );
  }
  return {
    endpoints: [...new Set(endpoints.map(toEndpoint))],
    timeoutMs: toMilliseconds("timeoutMs", options.timeoutMs, 5_000),
    clusterId: options.clusterId ?? null,
    clientName: options.clientName ?? `raftkv-client-${process.pid}`,
    connectTimeoutMs: toMilliseconds("connectTimeoutMs", options.connectTimeoutMs, 2_000),
    headStartMs: toMilliseconds("headStartMs", options.headStartMs, 150),
    silenceTimeoutMs: toMilliseconds("silenceTimeoutMs", options.silenceTimeoutMs, 2_500),
    maxFrameBytes: toSize("maxFrameBytes", options.maxFrameBytes, 64 * 1024 * 1024),
    maxBufferedBytes: toSize("maxBufferedBytes", options.maxBufferedBytes, 8 * 1024 * 1024),
    sessions: options.sessions ?? true,
    sessionTtlMs: toMilliseconds("sessionTtlMs", options.sessionTtlMs, 60_000),
  };
}

/** @throws {RaftKvError} INVALID_ARGUMENT. A timer of 2^31 ms or more would fire at once (J), so it is refused. */
export function toMilliseconds(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (Number.isFinite(value) && value > 0 && value <= DEADLINE_MS_MAX) return Math.ceil(value);
  const allowed = `above 0 and up to ${DEADLINE_MS_MAX} milliseconds`;
  throw new RaftKvError("INVALID_ARGUMENT", `${name} is ${String(value)}: allowed is ${allowed}`);
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function toSignal(signal: AbortSignal | null | undefined): AbortSignal | null {
  if (signal === undefined || signal === null) return null;
  if (typeof signal.addEventListener === "function" && typeof signal.aborted === "boolean") return signal;
  throw new RaftKvError("INVALID_ARGUMENT", `signal is ${typeof signal}: an AbortSignal is wanted`);
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function toCallback<T>(name: string, callback: T | null | undefined): T | null {
  if (callback === undefined || callback === null) return null;
  if (typeof callback === "function") return callback;
  throw new RaftKvError("INVALID_ARGUMENT", `${name} is ${typeof callback}: a function is wanted`);
}

/** @throws {RaftKvError} INVALID_ARGUMENT. */
export function toTtlMs(ttlSeconds: number): number {
  const ttlMs = Math.ceil(ttlSeconds * 1000);
  if (ttlMs >= 1 && ttlMs <= TTL_MS_MAX) return ttlMs;
  const allowed = `above 0 and up to ${TTL_MS_MAX / 1000} seconds`;
  throw new RaftKvError("INVALID_ARGUMENT", `ttlSeconds is ${String(ttlSeconds)}: allowed is ${allowed}`);
}

/** @throws {RaftKvError} INVALID_ARGUMENT, unless it is a whole number from 0 (J). */
export function toCount(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RaftKvError("INVALID_ARGUMENT", `${name} is ${String(value)}: a whole number from 0 is wanted`);
}

/** Whether a read is linearizable. @throws {RaftKvError} INVALID_ARGUMENT. */
export function isLinearizable(consistency: GetOptions["consistency"] = "linearizable"): boolean {
  if (consistency === "linearizable") return true;
  if (consistency === "serializable") return false;
  const allowed = `"linearizable" and "serializable" are allowed`;
  throw new RaftKvError("INVALID_ARGUMENT", `consistency is ${JSON.stringify(consistency)}: ${allowed}`);
}

export function toSize(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RaftKvError(
    "INVALID_ARGUMENT",
    `${name} is ${String(value)}: a whole number of bytes from 1 is wanted`,
  );
}

const ENDPOINT = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/;

function toEndpoint(value: unknown): string {
  const parts = typeof value === "string" ? ENDPOINT.exec(value.trim()) : null;
  const port = Number(parts?.[2]);
  if (parts !== null && port >= 1 && port <= 65_535) return `${parts[1]}:${port}`;
  throw new RaftKvError(
    "INVALID_ARGUMENT",
    `endpoint ${JSON.stringify(value)}: host:port or [ipv6]:port with a port of 1 to 65535 is wanted`,
  );
}
