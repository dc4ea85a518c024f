import { RaftKvError, connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import type { Argv } from "yargs";
import { bytesOf } from "../arguments.js";
import type { Chosen, Context } from "../context.js";
import { parseDuration } from "../duration.js";
import { findEndpoints, stoppedHint } from "../endpoints.js";
import { CliError } from "../errors.js";
import { EXIT, isExitCode } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { bytesFields, say, sayBytes, sayJson } from "../output.js";
import { readValue } from "../standard-input.js";
import { endpointsOption, jsonOption, timeoutOption } from "./options.js";

interface CommonOptions {
  readonly endpoints: string | undefined;
  readonly timeout: string;
  readonly json: boolean;
}

/** What the client says in terms of what the user typed, and with what may help. */
function explained(context: Context, options: CommonOptions, error: unknown, leftMs: number): unknown {
  if (!(error instanceof RaftKvError)) return error;
  const { code, exitCode } = error;
  const message = error.message.replace(`within ${leftMs} ms`, `within ${options.timeout.trim()}`);
  const hint = code === "UNAVAILABLE" ? stoppedHint(options.endpoints, context.env, context.cwd) : null;
  return new CliError(
    code,
    isExitCode(exitCode) ? exitCode : EXIT.refused,
    hint === null ? message : `${message}; ${hint}`,
  );
}

/** One request on a connection of its own; connecting and the request share one time limit. */
async function request<T>(
  context: Context,
  options: CommonOptions,
  body: (client: Client, timeoutMs: number) => Promise<T>,
): Promise<T> {
  const timeoutMs = parseDuration("--timeout", options.timeout);
  const endpoints = findEndpoints(options.endpoints, context.env, context.cwd);
  const deadline = performance.now() + timeoutMs;
  let leftMs = timeoutMs;
  let client: Client | null = null;
  try {
    client = await connect({
      endpoints: endpoints.map(({ address }) => address),
      timeoutMs,
      clientName: "raftkv-cli",
    });
    leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
    return await body(client, leftMs);
  } catch (error) {
    throw explained(context, options, error, leftMs);
  } finally {
    await client?.close();
  }
}

function keyNotFound(): CliError {
  return new CliError("KEY_NOT_FOUND", EXIT.negative, "key not found");
}

async function put(context: Context, key: Buffer, value: Buffer, options: CommonOptions): Promise<ExitCode> {
  const { revision } = await request(context, options, (client, timeoutMs) =>
    client.put(key, value, { timeoutMs }),
  );
  if (options.json) sayJson(context, { revision });
  else say(context, `OK, revision ${revision}`);
  return EXIT.done;
}

async function get(context: Context, key: Buffer, options: CommonOptions): Promise<ExitCode> {
  const found = await request(context, options, (client, timeoutMs) => client.get(key, { timeoutMs }));
  if (found === null) throw keyNotFound();
  const { value, createRevision, modRevision, version } = found;
  if (!options.json) sayBytes(context, value);
  else {
    const bytes = { ...bytesFields("key", key), ...bytesFields("value", value) };
    sayJson(context, { ...bytes, createRevision, modRevision, version });
  }
  return EXIT.done;
}

async function del(context: Context, key: Buffer, options: CommonOptions): Promise<ExitCode> {
  const { revision, deleted } = await request(context, options, (client, timeoutMs) =>
    client.delete(key, { timeoutMs }),
  );
  if (!deleted) throw keyNotFound();
  if (options.json) sayJson(context, { revision, deleted });
  else say(context, `deleted, revision ${revision}`);
  return EXIT.done;
}

function commonOptions<T>(parser: Argv<T>) {
  return parser
    .option("endpoints", endpointsOption)
    .option("timeout", timeoutOption("5s", "how long to try, connecting included"))
    .option("json", jsonOption);
}

const KEY = { type: "string", demandOption: true, describe: "the key: any bytes" } as const;
const VALUE = {
  type: "string",
  demandOption: true,
  describe: "the value: any bytes; - reads standard input",
} as const;

export function kvCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 kv <command>\n\nPuts, gets and deletes keys.")
    .command(
      "put <key> <value>",
      "set a key",
      (command) =>
        commonOptions(command.positional("key", KEY).positional("value", VALUE))
          .example("$0 kv put greeting hello", "set `greeting` to `hello`")
          .example("$0 kv put photo - < photo.jpg", "the bytes of a file")
          .example("$0 kv put n -5", "numbers stay as they are typed")
          .example("$0 kv put n -- --force", "behind -- goes a value that begins with a dash")
          .example(
            "printf - | $0 kv put n -",
            "a lone dash as the value: - reads standard input, also behind --",
          ),
      (argv) => {
        chosen.action = async () => {
          const value = bytesOf(argv.value);
          const bytes = value.equals(Buffer.from("-")) ? await readValue(context.input) : value;
          return put(context, bytesOf(argv.key), bytes, argv);
        };
      },
    )
    .command(
      "get <key>",
      "print the value of a key, byte for byte",
      (command) =>
        commonOptions(command.positional("key", KEY))
          .example("$0 kv get greeting", "the value, with a newline on a terminal only")
          .example("$0 kv get photo > photo.jpg", "the bytes as they were put")
          .example("$0 kv get greeting --json", "with its revisions and its version"),
      (argv) => {
        chosen.action = () => get(context, bytesOf(argv.key), argv);
      },
    )
    .command(
      "del <key>",
      "delete a key",
      (command) =>
        commonOptions(command.positional("key", KEY)).example(
          "$0 kv del greeting",
          "exit code 1 when there is no such key",
        ),
      (argv) => {
        chosen.action = () => del(context, bytesOf(argv.key), argv);
      },
    )
    .demandCommand(1, "kv: say put, get or del");
}
