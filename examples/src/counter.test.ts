// A test of a program that uses raftkv, against a real cluster in the test's own process. No cluster has to run for it:
//
//     node --test examples/dist/counter.test.js
import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, connect, put } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { startTestCluster } from "@raftkv/node";

/** What is tested: a counter that many may raise at once. */
async function raise(client: Client, key: string): Promise<number> {
  for (;;) {
    const found = await client.get(key);
    const next = Number(found?.text() ?? 0) + 1;
    const { succeeded } = await client
      .txn()
      .if(compare(key).modRevision.equals(found?.modRevision ?? 0))
      .then(put(key, String(next)))
      .commit();
    if (succeeded) return next;
  }
}

await test("the counter", async (t) => {
  // One cluster for all tests of a file: it takes a second or two to start. Each test has keys of its own.
  const cluster = await startTestCluster({ nodes: 3 });
  const client = await connect({ endpoints: [...cluster.endpoints] });
  t.after(async () => {
    await client.close();
    // Stops the nodes, and removes their directory.
    await cluster.close();
  });

  await t.test("counts every raise, also of those that come at once", async () => {
    const values = await Promise.all(Array.from({ length: 10 }, () => raise(client, "a")));
    assert.deepEqual(
      values.toSorted((x, y) => x - y),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });

  await t.test("neither loses nor repeats one when the leader is killed in the middle", async () => {
    const raises = Array.from({ length: 20 }, () => raise(client, "b"));
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await Promise.all(raises);
    assert.equal((await client.get("b"))?.text(), "20");
    await cluster.restart(leader);
  });
});
