// A program that always knows its current configuration: it reads it once, and then follows what changes. Run it against a
// cluster:
//
//     node examples/dist/config-watcher.js 127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403
import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";

const endpoints = (process.argv[2] ?? "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403").split(",");
const PREFIX = "config/app/";

/**
 * Calls `onChange` with the whole configuration, at first and after each change, until the signal says stop. What belongs
 * together, since one transaction changed it, comes together.
 */
async function follow(
  client: Client,
  onChange: (config: ReadonlyMap<string, string>) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // All of it at one revision; the watch goes on exactly behind that, so nothing is missed between the two.
    const config = new Map<string, string>();
    const { entries, revision } = await client.getRange({ prefix: PREFIX });
    for (const entry of entries) config.set(entry.key, entry.text());
    onChange(config);
    try {
      const watch = client.watch({ prefix: PREFIX }, { fromRevision: revision + 1, signal });
      for await (const events of watch.transactions()) {
        for (const event of events) {
          if (event.kind === "put") config.set(event.key, event.kv.text());
          else config.delete(event.key);
        }
        onChange(config);
      }
    } catch (error) {
      if (signal.aborted) return;
      // This program was away for so long that the changes it missed are compacted: then it reads everything anew.
      if (!(error instanceof RaftKvError) || error.code !== "COMPACTED") throw error;
    }
  }
}

const client = await connect({ endpoints });
const stop = new AbortController();
try {
  await client.delete({ prefix: PREFIX });
  await client.put(`${PREFIX}color`, "blue");
  const seen: string[] = [];
  const following = follow(
    client,
    (config) => {
      const text = [...config].map(([key, value]) => `${key.slice(PREFIX.length)}=${value}`).join(" ");
      seen.push(text);
      console.log(`configuration: ${text}`);
      if (config.get(`${PREFIX}color`) === "green") stop.abort();
    },
    stop.signal,
  );
  await client.put(`${PREFIX}size`, "5");
  await client.delete(`${PREFIX}size`);
  await client.put(`${PREFIX}color`, "green");
  await following;
  console.log(`the last one of ${seen.length} is ${seen.at(-1)}`);
} finally {
  await client.close();
}
