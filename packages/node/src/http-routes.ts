import type { IncomingMessage, ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import { whyNotFormed } from "./formation.js";
import type { Group } from "./group/group.js";
import type { GroupSnapshots } from "./snapshot/group-snapshots.js";
import { codeOf, nodeStatus } from "./status.js";
import type { StatusSource } from "./status.js";
import { VERSION } from "./version.js";

/** How long `/ready` waits for a leader to confirm a read. */
const READY_MS = 1_000;

/** Of those that are not asked for with GET and HEAD. */
const METHODS: Readonly<Record<string, readonly string[]>> = {
  "/v1/admin/checkpoint": ["POST"],
  "/v1/snapshot": ["GET"],
};

export interface HttpRoutesOptions extends StatusSource {
  readonly metrics: Registry;
  /** Null at a witness, and while nothing is served. */
  readonly snapshots: () => GroupSnapshots | null;
}

/** What the client address answers over plain HTTP. */
export function httpRoutes(
  options: HttpRoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const inTurn = takingTurns();
  return (request, response) => {
    answer(options, inTurn, request, response).catch((error: unknown) => {
      json(response, 500, { error: (error as Error).message });
    });
  };
}

async function answer(
  options: HttpRoutesOptions,
  inTurn: ReturnType<typeof takingTurns>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://node");
  const allowed = METHODS[url.pathname] ?? ["GET", "HEAD"];
  if (!allowed.includes(request.method ?? "")) {
    response.setHeader("allow", allowed.join(", "));
    json(response, 405, { error: `${request.method} is not answered here: ${allowed[0]} is` });
    return;
  }
  switch (url.pathname) {
    case "/health": {
      const failure = options.failure();
      json(
        response,
        failure === null ? 200 : 503,
        failure === null ? { status: "ok" } : { status: "failed", ...reasonOf(failure) },
      );
      return;
    }
    case "/ready": {
      const failure = options.failure();
      const reason = failure === null ? await unreadyReason(options) : null;
      if (failure !== null) json(response, 503, { status: "not ready", ...reasonOf(failure) });
      else if (reason !== null) json(response, 503, { status: "not ready", reason });
      else json(response, 200, { status: "ready" });
      return;
    }
    case "/v1/status":
      await status(options, inTurn, request, response);
      return;
    case "/v1/admin/checkpoint":
      await checkpoint(options, request, response);
      return;
    case "/v1/snapshot":
      await snapshot(options, request, response, url.searchParams.get("consistency") !== "serializable");
      return;
    case "/metrics":
      response.writeHead(200, { "content-type": options.metrics.contentType });
      response.end(await options.metrics.metrics());
      return;
    default:
      json(response, 404, {
        error: `there is no ${url.pathname}: /health, /ready, /metrics, /v1/status, /v1/snapshot and /v1/admin/checkpoint are`,
      });
  }
}

/** What is wrong with a node, for people and for programs. */
function reasonOf(failure: Error): { readonly code: string; readonly reason: string } {
  return { code: codeOf(failure), reason: failure.message };
}

async function status(
  options: HttpRoutesOptions,
  inTurn: ReturnType<typeof takingTurns>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const query = new URL(request.url ?? "/", "http://node").searchParams;
  const hash = query.get("hash") === "true";
  const text = query.get("revision");
  const revision = Number(text);
  if (text !== null && (!/^\d+$/.test(text) || !Number.isSafeInteger(revision))) {
    json(response, 400, { error: `revision is "${text}", but must be a whole number` });
    return;
  }
  if (!hash) json(response, 200, await nodeStatus(options, false));
  else json(response, 200, await inTurn(request, () => nodeStatus(options, text === null ? true : revision)));
}

/** One after the other however many ask: each is of all that was applied when it began. */
async function checkpoint(
  options: HttpRoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (refusesPage(request, response)) return;
  const startMs = performance.now();
  const index = (await options.serving()?.group.checkpoint()) ?? null;
  if (index === null)
    json(response, 503, { error: options.failure()?.message ?? "this node does not serve" });
  else json(response, 200, { index, tookMs: Math.round(performance.now() - startMs) });
}

/** A page in somebody's browser can send a request here, but not without saying where it comes from. */
function refusesPage(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.headers.origin === undefined) return false;
  json(response, 403, { error: "requests from web pages are not served" });
  return true;
}

/** Has everything that was acknowledged before it was asked for, unless a node's own state was asked for by name. */
async function snapshot(
  options: HttpRoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
  linearizable: boolean,
): Promise<void> {
  if (refusesPage(request, response)) return;
  const failed = options.failure()?.message ?? null;
  const reason = failed ?? (linearizable ? await unreadyReason(options) : null);
  const snapshots = options.snapshots();
  if (reason !== null || snapshots === null) {
    json(response, 503, {
      error: reason ?? "this node holds no data: it is a witness, or does not serve yet",
    });
    return;
  }
  const { clusterId, name } = options.formation.record;
  const about = {
    clusterId: clusterId ?? "",
    node: name,
    version: VERSION,
    savedAt: new Date().toISOString(),
  };
  if (await snapshots.save(about, response)) return;
  json(response, 503, { error: "this node saves as many snapshots as it may at one time: ask later" });
}

/** One after the other: each reads the whole store. Who is gone by then is passed over. */
function takingTurns(): <T>(request: IncomingMessage, act: () => Promise<T>) => Promise<T | null> {
  let last: Promise<unknown> = Promise.resolve();
  return (request, act) => {
    const mine = last.then(() => (request.socket.destroyed ? null : act()));
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Ready is who can answer a linearizable read, also without a lease: so one is made. */
async function unreadyReason(options: HttpRoutesOptions): Promise<string | null> {
  const serving = options.serving();
  if (serving === null) {
    return whyNotFormed(options.formation);
  }
  return (await confirmsRead(serving.group)) ? null : "no leader confirmed a read";
}

async function confirmsRead(group: Group): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), READY_MS);
    const done = (confirmed: boolean): void => {
      clearTimeout(timer);
      resolve(confirmed);
    };
    group.readByMajority({ granted: () => done(true), refused: () => done(false) });
  });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}
