import { connect } from "@raftkv/client";
import type { Client, Watch } from "@raftkv/client";
import { NodeProcesses } from "../harness/node-processes.js";
import { until } from "../harness/until.js";

export interface WatchedOptions {
  /** Each with a watch of its own. */
  readonly keys: number;
  /** Watches on the prefix of all of them. */
  readonly readers: number;
  readonly log: (line: string) => void;
}

export interface WatchedVerdict {
  readonly puts: number;
  readonly events: number;
  /** What was compacted, and was there to be compacted. */
  readonly floor: number;
  readonly wrong: readonly string[];
}

/** What a watch has told, in its order. */
interface Seen {
  readonly watch: Watch<string>;
  readonly name: string;
  readonly revisions: number[];
  error: Error | null;
}

const PREFIX = "w/";
const PUTS_AT_ONCE = 256;
/** Soon enough for an idle watch to be past what is compacted next. */
const PROGRESS_MS = 500;
const PATIENT = { limitMs: 240_000 };

/**
 * Every key is put, every second one again while the leader is killed, what they all have seen is compacted, the next leader is
 * killed, and every key is put once more. Each watch must see each event once, in the order of the revisions that the puts were answered with (F6).
 */
export async function watchOverChanges({ keys, log, readers }: WatchedOptions): Promise<WatchedVerdict> {
  const nodes = await NodeProcesses.start({
    nodes: 3,
    env: { RAFTKV_WATCH_PROGRESS_MS: String(PROGRESS_MS) },
  });
  const clients: Client[] = [];
  const client = async (): Promise<Client> => {
    const one = await connect({ endpoints: nodes.endpoints, timeoutMs: 120_000, sessionTtlMs: 600_000 });
    clients.push(one);
    return one;
  };
  try {
    const [ofKeys, ofPrefix, writer] = [await client(), await client(), await client()];
    const names = Array.from({ length: keys }, (_, i) => `${PREFIX}${i}`);
    const seen = [
      ...names.map((name) => follow(name, ofKeys.watch(name))),
      ...Array.from({ length: readers }, () => follow(PREFIX, ofPrefix.watch({ prefix: PREFIX }))),
    ];
    await Promise.all(seen.map(({ watch }) => watch.started));
    log(`${seen.length} watches have begun`);
    const expected = new Map<string, number[]>(names.map((name) => [name, []]));
    await putAll(writer, names, expected);
    const restarted = changeLeader(nodes);
    const half = names.filter((_, i) => i % 2 === 0);
    await Promise.all([putAll(writer, half, expected), restarted]);
    log("the leader was killed while every second key was put again");
    const { modRevision: revision } = await until("a key", () => writer.get(half.at(-1) ?? ""));
    const past = async () =>
      seen.every((one) => one.error !== null || one.watch.nextRevision > revision) ? true : null;
    await until(`every watch is past ${revision}`, past, PATIENT);
    const { floor } = await writer.compact(revision);
    await changeLeader(nodes);
    log(`what is below ${floor} was compacted, and the leader killed again`);
    await putAll(writer, names, expected);
    const all = [...expected.values()].flat().sort((a, b) => a - b);
    const wanted = (one: Seen): readonly number[] =>
      one.name === PREFIX ? all : (expected.get(one.name) ?? []);
    const done = async () =>
      seen.every((one) => one.error !== null || one.revisions.length >= wanted(one).length) ? true : null;
    await until("every watch has seen as many events as there were", done, PATIENT);
    const wrong = seen.flatMap((one) => contradictions(one, wanted(one)));
    const events = seen.reduce((sum, one) => sum + one.revisions.length, 0);
    return { puts: all.length, events, floor, wrong };
  } finally {
    await Promise.all(clients.map((one) => one.close()));
    await nodes.stop();
  }
}

function follow(name: string, watch: Watch<string>): Seen {
  const seen: Seen = { watch, name, revisions: [], error: null };
  const consume = async (): Promise<void> => {
    for await (const { revision } of watch) seen.revisions.push(revision);
  };
  consume().catch((error: unknown) => {
    seen.error = error instanceof Error ? error : new Error(`not an error: ${typeof error}`);
  });
  return seen;
}

function contradictions({ error, name, revisions }: Seen, wanted: readonly number[]): string[] {
  if (error !== null) return [`the watch on ${name} ended: ${error.message}`];
  const at = wanted.findIndex((revision, i) => revisions[i] !== revision);
  if (at < 0 && revisions.length === wanted.length) return [];
  return [`the watch on ${name} saw ${revisions.length} events, not ${wanted.length}; they part at ${at}`];
}

/** Puts each key once, and notes the revision that it was answered with. */
async function putAll(
  writer: Client,
  names: readonly string[],
  expected: ReadonlyMap<string, number[]>,
): Promise<void> {
  let next = 0;
  const put = async (): Promise<void> => {
    for (let name = names[next++]; name !== undefined; name = names[next++]) {
      const { revision } = await writer.put(name, "x");
      expected.get(name)?.push(revision);
    }
  };
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, put));
}

async function changeLeader(nodes: NodeProcesses): Promise<void> {
  const { name, term } = await nodes.leader();
  await nodes.kill(name);
  await until("another leads", async () => ((await nodes.leader()).term > term ? true : null), PATIENT);
  nodes.spawn(name);
}
