import { setTimeout as delay } from "node:timers/promises";
import { Caller, keyOf } from "./caller.js";
import { OPERATIONS } from "./operations.js";
import type { Perform } from "./operations.js";
import { epochMicros } from "./outage.js";
import type { Job } from "./protocol.js";
import type { Run } from "./run.js";
import type { Target } from "./target.js";

/** Requests of an open loop fall due in bursts this far apart: timers of Node.js keep to little less. */
const OPEN_TICK_MS = 2;
/** In an outage a fresh put is tried this often, beside the callers, which may all be waiting for one that is lost. */
const PROBE_EVERY_MS = 10;

/** Resolves once the run is stopped and nothing is under way any more. */
type Mode = (run: Run) => Promise<void>;

export const MODES: Partial<Record<Job["mode"], Mode>> = {
  closed: closedLoop,
  outage: outageLoop,
  fill,
  open: openLoop,
};

function performOf(run: Run): Perform {
  const perform = OPERATIONS[run.job.operation];
  if (perform === undefined) throw new Error(`this loader has no operation ${run.job.operation}`);
  return perform;
}

function callersOf({ job, targets }: Run): Caller[] {
  return Array.from({ length: job.clients }, (_, index) => {
    return new Caller(job, targets[index % job.connections] as Target, index);
  });
}

/** Callers that each wait for one answer before they ask again. */
async function closedLoop(run: Run): Promise<void> {
  const perform = performOf(run);
  const call = async (caller: Caller): Promise<void> => {
    while (!run.isStopping) {
      const begin = performance.now();
      const epoch = run.outage === null ? 0 : epochMicros();
      try {
        await perform(caller);
        run.done(begin);
        run.outage?.acknowledged(caller.index, epoch);
      } catch (error) {
        await run.failed(error);
      }
    }
  };
  await Promise.all(callersOf(run).map(call));
}

async function outageLoop(run: Run): Promise<void> {
  const probes = new Set<Promise<void>>();
  let count = 0;
  const probe = async (caller: Caller): Promise<void> => {
    const begin = epochMicros();
    try {
      await caller.target.put(caller.randomKey(), caller.nextValue());
      run.outage?.probed(begin);
    } catch (error) {
      await run.failed(error);
    }
  };
  const timer = setInterval(() => {
    count += 1;
    const target = run.targets[count % run.targets.length] as Target;
    const probing = probe(new Caller(run.job, target, count));
    probes.add(probing);
    void probing.finally(() => probes.delete(probing));
  }, PROBE_EVERY_MS);
  await closedLoop(run);
  clearInterval(timer);
  await Promise.all(probes);
}

/** Puts every key from `firstKey` on once. */
async function fill(run: Run): Promise<void> {
  const { firstKey, keys } = run.job;
  let next = firstKey;
  const call = async (caller: Caller): Promise<void> => {
    while (!run.isStopping && next < firstKey + keys) {
      const key = keyOf(next);
      next += 1;
      for (let isPut = false; !isPut && !run.isStopping;) {
        const begin = performance.now();
        try {
          await caller.target.put(key, caller.nextValue());
          run.done(begin);
          isPut = true;
        } catch (error) {
          await run.failed(error);
        }
      }
    }
  };
  await Promise.all(callersOf(run).map(call));
}

/**
 * Requests fall due at a fixed rate whatever becomes of the ones before. Latency counts from when each was due, so that
 * a stall is seen by all that fell into it. `clients` of them may be under way; the others wait, and that counts too.
 */
async function openLoop(run: Run): Promise<void> {
  const { ratePerSecond } = run.job;
  const perform = performOf(run);
  const idle = callersOf(run);
  const due: number[] = [];
  let head = 0;
  const call = async (caller: Caller): Promise<void> => {
    while (head < due.length) {
      const at = due[head] as number;
      head += 1;
      try {
        await perform(caller);
        run.done(at);
      } catch (error) {
        await run.failed(error);
      }
    }
    idle.push(caller);
  };
  run.overdue = () => due.length - head;
  const started = new Set<Promise<void>>();
  const begin = performance.now();
  let sent = 0;
  for (let tick = 1; !run.isStopping; tick += 1) {
    const at = begin + tick * OPEN_TICK_MS;
    // Ticks that were missed are made up for at once, each with the latency that it has by then.
    const early = at - performance.now();
    if (early > 0) await delay(early);
    run.sendLag.record((performance.now() - at) * 1000);
    for (; sent < (tick * OPEN_TICK_MS * ratePerSecond) / 1000; sent += 1) due.push(at);
    while (idle.length > 0 && head < due.length) {
      const calling = call(idle.pop() as Caller);
      started.add(calling);
      void calling.finally(() => started.delete(calling));
    }
    if (head === due.length) {
      due.length = 0;
      head = 0;
    }
  }
  due.length = head;
  await Promise.all(started);
}
