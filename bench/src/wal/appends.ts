import { build } from "hdr-histogram-js";
import { LogWriter, encodeFrame, groupId, logIndex, term } from "raft-ts";
import type { Frame } from "raft-ts";

export const GROUP = groupId(1);

export interface AppendShape {
  readonly entryBytes: number;
  readonly inFlight: number;
  readonly enableMemtable: boolean;
  readonly seconds: number;
}

export interface AppendFigures {
  readonly entriesPerSecond: number;
  /** Of the entries' bodies. */
  readonly bytesPerSecond: number;
  readonly syncsPerEntry: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerEntry: number;
}

export function entryOf(index: number, body: Uint8Array): Frame {
  return encodeFrame({ group: GROUP, term: term(1), index: logIndex(index), kind: "command" }, body);
}

/** Keeps so many appends of one entry each in flight: as each is durable the next one goes in (a closed loop). */
export async function measureAppends(dir: string, shape: AppendShape): Promise<AppendFigures> {
  const { enableMemtable, entryBytes, inFlight, seconds } = shape;
  const log = await LogWriter.open({ dir, enableMemtable });
  const body = Buffer.alloc(entryBytes, "w");
  const latencies = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  let index = 0;
  let done = 0;
  const cpu = process.cpuUsage();
  const syncs = log.stats().fsyncs;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await new Promise<void>((resolve, reject) => {
    let underWay = 0;
    const append = (): void => {
      index += 1;
      underWay += 1;
      const at = performance.now();
      const seq = log.append({ group: GROUP, hardState: null, base: null, entries: [entryOf(index, body)] });
      log.durability.wait(seq, (error) => {
        const now = performance.now();
        underWay -= 1;
        done += 1;
        latencies.recordValue(Math.round((now - at) * 1000));
        if (error !== null) reject(error);
        else if (now < end) append();
        else if (underWay === 0) resolve();
      });
    };
    for (let i = 0; i < inFlight; i += 1) append();
  });
  const passed = (performance.now() - begin) / 1000;
  const { system, user } = process.cpuUsage(cpu);
  const synced = log.stats().fsyncs - syncs;
  await log.close();
  return {
    entriesPerSecond: done / passed,
    bytesPerSecond: (done * entryBytes) / passed,
    syncsPerEntry: synced / done,
    p50Ms: latencies.getValueAtPercentile(50) / 1000,
    p99Ms: latencies.getValueAtPercentile(99) / 1000,
    cpuMicrosPerEntry: (system + user) / done,
  };
}
