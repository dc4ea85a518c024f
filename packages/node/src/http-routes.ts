import type { IncomingMessage, ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import type { Group } from "./group/group.js";
import { nodeStatus } from "./status.js";
import type { StatusSource } from "./status.js";

/** How long `/ready` waits for a leader to confirm a read. */
const READY_MS = 1_000;

export interface HttpRoutesOptions extends StatusSource {
  readonly metrics: Registry;
  /** Null while this process may serve; else why it must not. */
  readonly failure: () => string | null;
}

/** What the client address answers over plain HTTP. */
export function httpRoutes(
  options: HttpRoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      json(response, 500, { error: (error as Error).message });
    });
  };
}

async function answer(
  options: HttpRoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://node");
  const isCheckpoint = url.pathname === "/v1/admin/checkpoint";
  const allowed = isCheckpoint ? ["POST"] : ["GET", "HEAD"];
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
        failure === null ? { status: "ok" } : { status: "failed", reason: failure },
      );
      return;
    }
    case "/ready": {
      const reason = options.failure() ?? (await unreadyReason(options));
      json(
        response,
        reason === null ? 200 : 503,
        reason === null ? { status: "ready" } : { status: "not ready", reason },
      );
      return;
    }
    case "/v1/status":
      json(response, 200, await nodeStatus(options, url.searchParams.get("hash") === "true"));
      return;
    case "/v1/admin/checkpoint":
      await checkpoint(options, request, response);
      return;
    case "/metrics":
      response.writeHead(200, { "content-type": options.metrics.contentType });
      response.end(await options.metrics.metrics());
      return;
    default:
      json(response, 404, {
        error: `there is no ${url.pathname}: /health, /ready, /metrics, /v1/status and /v1/admin/checkpoint are`,
      });
  }
}

/** One after the other however many ask: each is of all that was applied when it began. */
async function checkpoint(
  options: HttpRoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A page in somebody's browser can send a POST here, but not without saying where it comes from.
  if (request.headers.origin !== undefined) {
    json(response, 403, { error: "requests from web pages are not served" });
    return;
  }
  const startMs = performance.now();
  const index = (await options.serving()?.group.checkpoint()) ?? null;
  if (index === null) json(response, 503, { error: options.failure() ?? "this node does not serve" });
  else json(response, 200, { index, tookMs: Math.round(performance.now() - startMs) });
}

/** Ready is who can answer a linearizable read: so one is made. */
async function unreadyReason(options: HttpRoutesOptions): Promise<string | null> {
  const serving = options.serving();
  if (serving === null) {
    const waiting = options.formation.missing.join(", ");
    return `the cluster has not formed: waiting for ${waiting}`;
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
    group.read({ granted: () => done(true), refused: () => done(false) });
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
