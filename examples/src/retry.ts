// What to do when a write's outcome is unknown. Run it as hello.ts, and kill the leader meanwhile if you like:
//
//     node examples/dist/retry.js 127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403
import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";

const endpoints = (process.argv[2] ?? "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403").split(",");
const ATTEMPTS = 5;

/**
 * Puts a value until it is certainly there. Two kinds of errors are worth another try:
 *
 * - `error.retryable`: nothing was done, and the same request may succeed later (no leader, no room, no node in reach);
 * - OUTCOME_UNKNOWN: the put was sent, and may have happened, or may yet happen. Putting the same value to the same key
 *   again does no harm as long as nobody else puts that key; where others do, read before you decide.
 *
 * Everything else (a value that is too large, a wrong argument, a closed client) fails the same way every time.
 */
async function putUntilDone(client: Client, key: string, value: string): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await client.put(key, value)).revision;
    } catch (error) {
      if (!(error instanceof RaftKvError) || attempt === ATTEMPTS) throw error;
      if (!error.retryable && error.code !== "OUTCOME_UNKNOWN") throw error;
      console.log(`attempt ${attempt}: ${error.code}, ${error.message}`);
    }
  }
}

const client = await connect({ endpoints });
try {
  const revision = await putUntilDone(client, "order/17", "paid");
  console.log(`order/17 is paid at revision ${revision}`);
} finally {
  await client.close();
}
