import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { folderBytes, p99Of, putLoad } from "./growth-load.js";
import type { Subject } from "./growth-load.js";
import type { Progress } from "./progress.js";
import type { GrowthResults, LongSample } from "./report/growth-tables.js";

const SHARE = 0.7;
const SLICE_SECONDS = 10;
const CLIENTS_MAX = 1024;
/** Node.js compiles what it runs for about as long; a limit taken earlier would be too low. */
const WARMUP_SECONDS = 60;
const LIMIT_SECONDS = 20;
const COMPACTION_MS = 60_000;
/** Revisions of the last five minutes can be read, as in many clusters of etcd. */
const KEPT_COMPACTIONS = 5;

/**
 * An hour, or so many minutes, of puts that fall due by the clock, at 70 % of what the cluster takes from closed-loop clients: is
 * everything as flat at the end as at the beginning? What is older than five minutes is compacted every minute, as an operator has it done.
 */
export async function runLong(
  subject: Subject,
  { clients, minutes }: { readonly clients: number; readonly minutes: number },
  progress: Progress,
  signal: AbortSignal,
): Promise<NonNullable<GrowthResults["long"]>> {
  await putLoad(subject, { clients, seconds: WARMUP_SECONDS }, progress);
  const { result } = await putLoad(subject, { clients, seconds: LIMIT_SECONDS }, progress);
  const limit = result.operations / result.seconds;
  const rate = Math.floor(limit * SHARE);
  const compactor = await Compactor.connect(subject);
  try {
    const samples: LongSample[] = [];
    const begin = performance.now();
    const minuteNow = (): number => (performance.now() - begin) / 60_000;
    while (minuteNow() < minutes) {
      signal.throwIfAborted();
      await compactor.turn();
      samples.push(await slice(subject, { minute: minuteNow(), rate }, progress));
    }
    return { limit, rate, samples };
  } finally {
    await compactor.close();
  }
}

async function slice(
  subject: Subject,
  { minute, rate }: { readonly minute: number; readonly rate: number },
  progress: Progress,
): Promise<LongSample> {
  const load = { mode: "open", clients: CLIENTS_MAX, ratePerSecond: rate, warmupSeconds: 0 } as const;
  const measured = await putLoad(subject, { ...load, seconds: SLICE_SECONDS }, progress);
  return {
    minute,
    perSecond: measured.result.operations / measured.result.seconds,
    p99: p99Of(measured),
    residentBytes: measured.servers.peakResidentBytes,
    diskBytes: await folderBytes(subject.folder),
    lagMicros: measured.servers.lagMicros ?? 0,
    errors: Object.values(measured.result.errors).reduce((sum, count) => sum + count, 0),
  };
}

/** Remembers a revision every minute, and has compacted what was before the one of five minutes ago. */
class Compactor {
  readonly #client: Client;
  readonly #revisions: number[] = [];
  #dueMs = 0;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect({ running }: Subject): Promise<Compactor> {
    const endpoints = [...running.pids().keys()].map((name) => running.address(name));
    return new Compactor(await connect({ endpoints }));
  }

  async turn(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + COMPACTION_MS;
    const { revision } = await this.#client.put("compaction", "");
    this.#revisions.push(revision);
    if (this.#revisions.length <= KEPT_COMPACTIONS) return;
    await this.#client.compact(this.#revisions.shift() ?? revision);
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
