// Money moves between accounts, by many at once, and none is made or lost: read, decide, and write only if nothing has changed
// meanwhile. Run it against a cluster:
//
//     node examples/dist/transfer.js 127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403
import { compare, connect, get, put } from "@raftkv/client";

const endpoints = (process.argv[2] ?? "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403").split(",");
const ACCOUNTS = ["alice", "bob", "carol"];
const START = 100;
const client = await connect({ endpoints });

const keyOf = (account: string): string => `accounts/${account}`;

/**
 * Moves an amount, if it is there. Nothing is locked: a revision says whether an account is still as it was read, and whoever
 * comes second begins anew.
 */
async function transfer(from: string, to: string, amount: number): Promise<"done" | "not enough"> {
  for (;;) {
    // Both at one revision, in one round trip.
    const { results } = await client
      .txn()
      .then(get(keyOf(from)), get(keyOf(to)))
      .commit();
    const [source, target] = results.map((result) => (result.kind === "get" ? result.kv : null));
    if (source === null || source === undefined || target === null || target === undefined) {
      throw new Error(`there is no account ${from} or ${to}`);
    }
    const left = Number(source.text()) - amount;
    if (left < 0) return "not enough";
    const { succeeded } = await client
      .txn()
      .if(
        compare(keyOf(from)).modRevision.equals(source.modRevision),
        compare(keyOf(to)).modRevision.equals(target.modRevision),
      )
      .then(put(keyOf(from), String(left)), put(keyOf(to), String(Number(target.text()) + amount)))
      .commit();
    if (succeeded) return "done";
    // Somebody was faster: nothing was written, and the next round sees what they did.
  }
}

/** Makes the account only if it is not there: two programs that start at once do not pay twice. */
async function open(account: string): Promise<void> {
  await client
    .txn()
    .if(compare(keyOf(account)).version.equals(0))
    .then(put(keyOf(account), String(START)))
    .commit();
}

try {
  await client.delete({ prefix: "accounts/" });
  await Promise.all(ACCOUNTS.flatMap((account) => [open(account), open(account)]));
  const transfers = Array.from({ length: 30 }, (_, n) =>
    transfer(ACCOUNTS[n % 3] ?? "", ACCOUNTS[(n + 1 + (n % 2)) % 3] ?? "", 10 + (n % 7)),
  );
  const outcomes = await Promise.all(transfers);
  console.log(
    `${outcomes.filter((outcome) => outcome === "done").length} transfers, the others had not enough`,
  );
  let sum = 0;
  for await (const account of client.range({ prefix: "accounts/" })) {
    console.log(`${account.key} has ${account.text()}`);
    sum += Number(account.text());
  }
  console.log(`together they have ${sum}, as they had at first`);
  if (sum !== START * ACCOUNTS.length) process.exitCode = 1;
} finally {
  await client.close();
}
