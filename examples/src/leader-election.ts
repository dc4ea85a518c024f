// Several copies of a program, of which one at a time does the work. Here two candidates in one process; in earnest each is a
// process of its own, on a machine of its own. Run it against a cluster:
//
//     node examples/dist/leader-election.js 127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403
import { compare, connect, put } from "@raftkv/client";
import type { Client, Lock } from "@raftkv/client";

const endpoints = (process.argv[2] ?? "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403").split(",");
const STEPS = 3;

/**
 * Does one step of what only the leader may do. That this program was the leader a moment ago proves nothing: it may have been
 * paused for a minute, and another leads by now. So the write itself says "only if my lock is still there": the key of the lock
 * was created at the revision that is its token, and is gone, or another one, once the lock is lost.
 */
async function step(client: Client, lock: Lock, text: string): Promise<boolean> {
  const { succeeded } = await client
    .txn()
    .if(compare(lock.key).createRevision.equals(lock.token))
    .then(put("election/last-step", text))
    .commit();
  return succeeded;
}

/** Waits until it leads, works, and ends by `ending`. */
async function candidate(name: string, ending: "resigns" | "crashes"): Promise<void> {
  const client = await connect({ endpoints, clientName: name });
  // If this process dies, others lead after ttlSeconds at the latest; if it says goodbye, at once.
  const lock = await client.lock("election/leader", { ttlSeconds: 2 });
  console.log(`${name} leads, with token ${lock.token}`);
  for (let n = 1; n <= STEPS; n += 1) {
    // `lock.signal` tells of the loss between two steps; the condition in `step` is what makes it safe.
    if (lock.signal.aborted || !(await step(client, lock, `${name}, step ${n}`))) {
      console.log(`${name} does not lead any more`);
      break;
    }
    console.log(`${name} did step ${n}`);
  }
  if (ending === "resigns") await lock.release();
  console.log(`${name} ${ending}`);
  // Without a release the lease of the lock runs out by itself: so it is for a process that is killed.
  await client.close();
  if (ending === "crashes") await tooLate(name, lock);
}

/** What a leader that was paused would do when it wakes up: its write has no effect. */
async function tooLate(name: string, lock: Lock): Promise<void> {
  const client = await connect({ endpoints, clientName: name });
  try {
    // The other candidate's key exists only after this one's is gone.
    while ((await client.get(lock.key)) !== null) await new Promise((resolve) => setTimeout(resolve, 100));
    const done = await step(client, lock, `${name}, too late`);
    console.log(
      done ? "a leader of the past wrote: this must not be" : `${name} wakes up too late, and writes nothing`,
    );
  } finally {
    await client.close();
  }
}

await Promise.all([candidate("anna", "crashes"), candidate("bert", "resigns")]);
