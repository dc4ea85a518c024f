import { request as startRequest } from "node:http";
import type { NodeStatus } from "@raftkv/node";
import { splitAddress } from "../address.js";

/** An answer, or why there is none. Probing never throws: that a node is down is what it is there to find out. */
export type Probe<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** Larger answers are none of ours. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

function httpRequest(
  address: string,
  path: string,
  timeoutMs: number,
  method: "GET" | "POST" = "GET",
): Promise<Probe<HttpAnswer>> {
  const parts = splitAddress(address);
  if (parts === null) return Promise.resolve({ ok: false, reason: `${address} is no HOST:PORT` });
  return new Promise((resolve) => {
    const fail = (reason: string): void => resolve({ ok: false, reason });
    // A connection of its own: one that is kept alive would outlive the command, or the node.
    const request = startRequest({ ...parts, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) request.destroy(new Error("the answer is too long"));
        else chunks.push(chunk);
      });
      response.once("error", (error) => fail(error.message));
      response.once("end", () => {
        clearTimeout(timer);
        resolve({
          ok: true,
          value: { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() },
        });
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code === "ECONNREFUSED" ? "nothing listens there" : error.message);
    });
    request.end();
  });
}

function looksLikeStatus(value: unknown): value is NodeStatus {
  if (typeof value !== "object" || value === null) return false;
  const { name, pid, role, term, members } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof pid === "number" &&
    typeof role === "string" &&
    typeof term === "number" &&
    Array.isArray(members)
  );
}

/** Asks a node for its status, within `timeoutMs`. `hash` makes it read its whole store, at a revision or as it stands. */
export async function probeStatus(
  address: string,
  { timeoutMs, hash = false }: { readonly timeoutMs: number; readonly hash?: boolean | number },
): Promise<Probe<NodeStatus>> {
  const revision = typeof hash === "number" ? `&revision=${hash}` : "";
  const query = hash === false ? "" : `?hash=true${revision}`;
  const answer = await httpRequest(address, `/v1/status${query}`, timeoutMs);
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  if (status === 421) return { ok: false, reason: "it is a node's address for other nodes" };
  if (status !== 200) return { ok: false, reason: `it answered HTTP ${status}` };
  try {
    const content: unknown = JSON.parse(body);
    if (looksLikeStatus(content)) return { ok: true, value: content };
  } catch {
    // Said below: whoever answered, it is no node.
  }
  return { ok: false, reason: `what listens on ${address} is no raftkv node` };
}

/** What Prometheus would read. */
export async function probeMetrics(address: string, timeoutMs: number): Promise<Probe<string>> {
  const answer = await httpRequest(address, "/metrics", timeoutMs);
  if (!answer.ok) return answer;
  const { body, status } = answer.value;
  return status === 200 ? { ok: true, value: body } : { ok: false, reason: `it answered HTTP ${status}` };
}

/** Whether the process `pid` answers at that client address: then its data directory is made as well. */
export async function isListening(address: string, pid: number, timeoutMs: number): Promise<boolean> {
  const status = await probeStatus(address, { timeoutMs });
  return status.ok && status.value.pid === pid;
}

/** Whether the node knows a leader and serves linearizable reads. */
export function probeReady(address: string, timeoutMs: number): Promise<Probe<true>> {
  return probeYes(address, "/ready", timeoutMs);
}

/** Whether the node does not know itself broken. */
export function probeHealth(address: string, timeoutMs: number): Promise<Probe<true>> {
  return probeYes(address, "/health", timeoutMs);
}

async function probeYes(address: string, path: string, timeoutMs: number): Promise<Probe<true>> {
  const answer = await httpRequest(address, path, timeoutMs);
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  return status === 200
    ? { ok: true, value: true }
    : { ok: false, reason: probeReason(body) ?? `HTTP ${status}` };
}

/** What a checkpoint made durable. */
export interface CheckpointMade {
  readonly index: number;
  readonly tookMs: number;
}

/** Has a node make a checkpoint now. */
export async function postCheckpoint(address: string, timeoutMs: number): Promise<Probe<CheckpointMade>> {
  const answer = await httpRequest(address, "/v1/admin/checkpoint", timeoutMs, "POST");
  if (!answer.ok) return answer;
  const { body, status } = answer.value;
  if (status !== 200) return { ok: false, reason: probeReason(body) ?? `HTTP ${status}` };
  try {
    const { index, tookMs } = JSON.parse(body) as Partial<CheckpointMade>;
    if (typeof index === "number" && typeof tookMs === "number")
      return { ok: true, value: { index, tookMs } };
  } catch {
    // Said below: whoever answered, it is no node.
  }
  return { ok: false, reason: `what listens on ${address} is no raftkv node` };
}

/** Why, in the words of a node that said no. */
export function probeReason(body: string): string | null {
  try {
    const { error, reason } = JSON.parse(body) as { error?: unknown; reason?: unknown };
    const said = reason ?? error;
    return typeof said === "string" ? said : null;
  } catch {
    return null;
  }
}
