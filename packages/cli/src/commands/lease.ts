import type { Argv } from "yargs";
import { encodedBytes } from "../byte-text.js";
import type { Encoding } from "../byte-text.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Chosen, Context } from "../context.js";
import { formatDuration, parseDuration } from "../duration.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { lineOf } from "../key-value-text.js";
import { counted, wholeNumber } from "../numbers.js";
import { bytesFields, say, sayJson, sayTable } from "../output.js";
import { clusterOptions, encodingOption, flagOption } from "./options.js";

interface LeaseArguments extends ClusterOptions {
  readonly id: string;
}

const ID = {
  type: "string",
  demandOption: true,
  describe: "the lease's number, as `lease grant` printed it",
} as const;

async function grant(context: Context, argv: ClusterOptions & { readonly ttl: string }): Promise<ExitCode> {
  const ttlMs = parseDuration("TTL", argv.ttl);
  const lease = await withClient(context, argv, async (client, timeoutMs) => {
    const granted = await client.lease({ ttlSeconds: ttlMs / 1000, timeoutMs });
    // From here on it is somebody else's: `lease keep-alive` takes it up.
    granted.stop();
    return { lease: granted.id, ttlMs: granted.ttlMs };
  });
  if (argv.json) sayJson(context, lease);
  else {
    say(context, String(lease.lease));
    if (context.err.isTTY === true) context.err.write(`granted for ${formatDuration(lease.ttlMs)}\n`);
  }
  return EXIT.done;
}

async function revoke(context: Context, argv: LeaseArguments): Promise<ExitCode> {
  const lease = wholeNumber("ID", argv.id, 1);
  const { deleted, revision } = await withClient(context, argv, (client, timeoutMs) =>
    client.revokeLease(lease, { timeoutMs }),
  );
  if (argv.json) sayJson(context, { lease, revision, deleted });
  else say(context, `revoked, with ${counted(deleted, "key")}, revision ${revision}`);
  return EXIT.done;
}

async function keepAlive(
  context: Context,
  argv: LeaseArguments & { readonly once: boolean },
): Promise<ExitCode> {
  const id = wholeNumber("ID", argv.id, 1);
  await withClient(context, argv, async (client, timeoutMs) => {
    const lease = await client.attachLease(id, { timeoutMs });
    if (argv.json) sayJson(context, { lease: id, ttlMs: lease.ttlMs });
    else say(context, `lease ${id} kept alive, ${formatDuration(lease.ttlMs)}`);
    if (argv.once) lease.stop();
    else {
      await new Promise((_, reject) => {
        lease.signal.addEventListener("abort", () => reject(lease.signal.reason as Error));
      });
    }
  });
  return EXIT.done;
}

async function ttl(
  context: Context,
  argv: LeaseArguments & { readonly keyEncoding: Encoding },
): Promise<ExitCode> {
  const id = wholeNumber("ID", argv.id, 1);
  const { keys, remainingMs, ttlMs } = await withClient(context, argv, (client, timeoutMs) =>
    client.leaseStatus(id, { timeoutMs }),
  );
  const bytes = keys as readonly Uint8Array[];
  if (argv.json) {
    sayJson(context, { lease: id, ttlMs, remainingMs, keys: bytes.map((key) => bytesFields("key", key)) });
    return EXIT.done;
  }
  const count = counted(keys.length, "key");
  say(context, `lease ${id}: ${formatDuration(remainingMs)} left of ${formatDuration(ttlMs)}, ${count}`);
  for (const key of bytes) context.out.write(lineOf(encodedBytes(key, argv.keyEncoding)));
  return EXIT.done;
}

async function list(context: Context, argv: ClusterOptions): Promise<ExitCode> {
  const leases = await withClient(context, argv, (client, timeoutMs) => client.leases({ timeoutMs }));
  if (argv.json) sayJson(context, leases);
  else {
    const rows = leases.map(({ lease, remainingMs, ttlMs }) => [
      lease,
      formatDuration(ttlMs),
      formatDuration(remainingMs),
    ]);
    await sayTable(context, ["lease", "ttl", "left"], rows);
  }
  return EXIT.done;
}

export function leaseCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 lease <command>\n\nLeases: keys that are put with one end when it does.")
    .command(
      "grant <ttl>",
      "make a lease, and print its number",
      (command) =>
        clusterOptions(command)
          .positional("ttl", {
            type: "string",
            demandOption: true,
            describe: "how long it lasts when nobody keeps it alive: 30s, 5m",
          })
          .example("$0 lease grant 30s", "its number")
          .example(
            "LEASE=$($0 lease grant 30s); $0 kv put me here --lease $LEASE",
            "a key that ends with it",
          ),
      (argv) => {
        chosen.action = () => grant(context, argv);
      },
    )
    .command(
      "revoke <id>",
      "end a lease now, and its keys with it",
      (command) =>
        clusterOptions(command)
          .positional("id", ID)
          .example("$0 lease revoke 42", "also one that somebody keeps alive"),
      (argv) => {
        chosen.action = () => revoke(context, argv);
      },
    )
    .command(
      "keep-alive <id>",
      "keep a lease alive until Ctrl-C; fails when it is lost",
      (command) =>
        clusterOptions(command)
          .positional("id", ID)
          .option("once", flagOption("once, not until Ctrl-C"))
          .example("$0 lease keep-alive 42", "ends with an error when the lease does")
          .example("$0 lease keep-alive 42 --once", "it lasts its whole time again"),
      (argv) => {
        chosen.action = () => keepAlive(context, argv);
      },
    )
    .command(
      "ttl <id>",
      "how long a lease still lasts, and its keys",
      (command) =>
        clusterOptions(command)
          .positional("id", ID)
          .option("key-encoding", encodingOption("keys"))
          .example("$0 lease ttl 42 --json", "with its keys"),
      (argv) => {
        chosen.action = () => ttl(context, argv);
      },
    )
    .command(
      "list",
      "all leases of the cluster",
      (command) => clusterOptions(command).example("$0 lease list", "one row a lease"),
      (argv) => {
        chosen.action = () => list(context, argv);
      },
    )
    .demandCommand(1, "lease: say grant, revoke, keep-alive, ttl or list");
}
