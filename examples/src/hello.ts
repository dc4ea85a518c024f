// Puts a key, reads it, and deletes it again. Start a cluster first (`npm start`), then, in another terminal:
//
//     node examples/dist/hello.js                                    # the cluster of `npm start`
//     node examples/dist/hello.js 127.0.0.1:7401,127.0.0.1:7402      # or any other, by some of its nodes
import { connect } from "@raftkv/client";

const endpoints = (process.argv[2] ?? "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403").split(",");

// One endpoint that lives is enough: the client finds the leader through it, and stays with whoever leads.
const client = await connect({ endpoints });

try {
  // Keys and values are strings or bytes. When the promise resolves, a majority of the nodes has the put on disk.
  const put = await client.put("greeting", "hello");
  console.log(`put at revision ${put.revision}`);

  // A get is linearizable: it sees every write that was acknowledged before it was called, by whomever.
  const found = await client.get("greeting");
  console.log(`get: ${found?.text()}, changed at revision ${found?.modRevision}, version ${found?.version}`);

  // Any node may answer this one from what it has. It spares the round to a majority, and may be stale.
  const perhapsStale = await client.get("greeting", { consistency: "serializable" });
  console.log(`serializable get: ${perhapsStale?.text() ?? "nothing there yet"}`);

  const deletion = await client.delete("greeting");
  console.log(`deleted ${deletion.deleted} key at revision ${deletion.revision}`);

  // A key that does not exist is no error.
  console.log("get:", await client.get("greeting"));
} finally {
  // Without this the open connection keeps the process alive.
  await client.close();
}
