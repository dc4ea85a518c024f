// A queue of jobs: an appender puts them in, in order and several at a time under way; workers take them out, each job once.
// Run it against a cluster:
//
//     node examples/dist/work-queue.js 127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403
import { compare, connect, del, put } from "@raftkv/client";
import type { Client, Lease } from "@raftkv/client";

const endpoints = (process.argv[2] ?? "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403").split(",");
const JOBS = 30;
const WORKERS = 3;
const client = await connect({ endpoints });

/**
 * `append` waits only while the pipeline is full, so the jobs go out without a round trip between them, and still arrive in
 * this order, each once, over lost connections and changes of the leader.
 */
async function produce(): Promise<void> {
  const appender = client.appender({ pipelineSize: 4 });
  for (let n = 1; n <= JOBS; n += 1) {
    const id = String(n).padStart(6, "0");
    // A batch is carried out whole or not at all: no job is there without being counted.
    await appender.append([put(`jobs/${id}`, `job ${n}`), put("jobs-made", String(n))], (_result, error) => {
      if (error !== null) console.error(`job ${n}: ${error.code}, ${error.message}`);
    });
  }
  // Everything is on a majority of the disks when this resolves.
  await appender.close();
}

/** Takes a job that nobody has. The claim goes with the lease: a worker that dies leaves its job to the others. */
async function claim(worker: string, lease: Lease): Promise<{ id: string; text: string } | null> {
  for await (const job of client.range({ prefix: "jobs/" })) {
    const id = job.key.slice("jobs/".length);
    const { succeeded } = await client
      .txn()
      .if(compare(job.key).version.greaterThan(0), compare(`claims/${id}`).version.equals(0))
      .then(put(`claims/${id}`, worker, { lease }))
      .commit();
    if (succeeded) return { id, text: job.text() };
  }
  return null;
}

/** The result, the end of the job and the end of the claim are one step, and only while the claim is still this worker's. */
async function finish(client: Client, worker: string, id: string): Promise<boolean> {
  const steps = [put(`done/${id}`, worker), del(`jobs/${id}`), del(`claims/${id}`)];
  const { succeeded } = await client
    .txn()
    .if(compare(`claims/${id}`).value.equals(worker))
    .then(...steps)
    .commit();
  return succeeded;
}

async function work(worker: string): Promise<number> {
  const lease = await client.lease({ ttlSeconds: 10 });
  let done = 0;
  for (;;) {
    const job = await claim(worker, lease);
    if (job === null) break;
    // Here the work is done; it may be done twice when a worker dies, but it is finished once.
    if (await finish(client, worker, job.id)) done += 1;
  }
  await lease.revoke();
  return done;
}

try {
  await client.delete({ prefix: "done/" });
  await produce();
  const counts = await Promise.all(Array.from({ length: WORKERS }, (_, n) => work(`worker-${n + 1}`)));
  console.log(`finished by each worker: ${counts.join(", ")}`);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const results = await client.count({ prefix: "done/" });
  console.log(
    `${all} jobs finished, ${results} results, ${await client.count({ prefix: "jobs/" })} jobs left`,
  );
} finally {
  await client.close();
}
