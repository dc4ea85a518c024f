import type { OperationResult, TxnResult } from "@raftkv/client";
import type { Argv } from "yargs";
import { withClient } from "../../cluster-request.js";
import type { Chosen, Context } from "../../context.js";
import { usageError } from "../../errors.js";
import { EXIT } from "../../exit-codes.js";
import type { ExitCode } from "../../exit-codes.js";
import { keyValueJson, keyValueLine } from "../../key-value-text.js";
import type { Encodings, FoundKey } from "../../key-value-text.js";
import { say, sayJson, textOf } from "../../output.js";
import { readValue } from "../../standard-input.js";
import { parseTxnJson } from "../../txn/json-form.js";
import { txnOf } from "../../txn/plan.js";
import type { TxnPlan } from "../../txn/plan.js";
import { parseTxnText } from "../../txn/text-form.js";
import { clusterOptions } from "../options.js";
import type { ClusterOptions } from "../../cluster-request.js";
import { encodingOptions } from "./options.js";

const HINT =
  'compares, as version("k") = "0"; an empty line; what is done if all hold, as put k v; an empty line; what is done ' +
  "if not. Ctrl-D ends it\n";

async function readPlan(context: Context): Promise<TxnPlan> {
  if ((context.input as { isTTY?: boolean }).isTTY === true) context.err.write(HINT);
  const text = textOf(await readValue(context.input));
  if (text === null)
    throw usageError("standard input is no UTF-8 text; \\xHH and base64 are there for bytes", "BAD_INPUT");
  if (text.trim() === "") throw usageError("standard input is empty: a transaction is wanted", "BAD_INPUT");
  return text.trimStart().startsWith("{") ? parseTxnJson(text) : parseTxnText(text);
}

const found = (kv: unknown): FoundKey => kv as FoundKey;

function resultJson(result: OperationResult): unknown {
  switch (result.kind) {
    case "put":
      return { ...result, previous: result.previous === null ? null : keyValueJson(found(result.previous)) };
    case "delete":
      return { ...result, previous: result.previous.map((kv) => keyValueJson(found(kv))) };
    case "get": {
      const { count, entries, kind, more } = result;
      return { kind, entries: entries.map((kv) => keyValueJson(found(kv))), more, count };
    }
    case "txn":
      return { ...result, results: result.results.map(resultJson) };
  }
}

function sayResult(context: Context, result: OperationResult, encodings: Encodings): void {
  const lines = (kvs: readonly unknown[]): void => {
    for (const kv of kvs) context.out.write(keyValueLine(found(kv), encodings));
  };
  switch (result.kind) {
    case "put":
      say(context, "put: OK");
      if (result.previous !== null) lines([result.previous]);
      return;
    case "delete":
      say(context, `del: ${result.deleted}`);
      lines(result.previous);
      return;
    case "get":
      say(context, `get: ${result.count ?? result.entries.length}`);
      lines(result.entries);
      return;
    case "txn":
      say(context, `txn: ${verdict(result.succeeded)}`);
      for (const inner of result.results) sayResult(context, inner, encodings);
  }
}

function verdict(succeeded: boolean): string {
  return succeeded ? "SUCCESS" : "FAILURE";
}

function report(context: Context, result: TxnResult, argv: ClusterOptions & Encodings): ExitCode {
  const { revision, succeeded, results } = result;
  if (argv.json) sayJson(context, { succeeded, revision, results: results.map(resultJson) });
  else {
    say(context, `${verdict(succeeded)}, revision ${revision}`);
    for (const each of results) sayResult(context, each, argv);
  }
  return succeeded ? EXIT.done : EXIT.negative;
}

export function txnCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "txn",
    "carry out a transaction from standard input, at one revision or not at all",
    (command) =>
      encodingOptions(clusterOptions(command))
        .epilogue(
          'As etcdctl takes it: compares, an empty line, what is done if all hold (then: "SUCCESS", exit code 0), an empty ' +
            'line, what is done if not ("FAILURE", exit code 1). Or as JSON with `if`, `then` and `else`: docs/cli.md. ' +
            "--key-encoding and --value-encoding are about what is printed.",
        )
        .example(
          `printf 'version("seat") = "0"\\n\\nput seat alice\\n\\nget seat\\n' | $0 kv txn`,
          "take the seat if it is free, else see who has it",
        )
        .example(
          `echo '{"then":[{"op":"put","key":"a","value":"1"},{"op":"del","key":"b"}]}' | $0 kv txn --json`,
          "two changes at one revision",
        ),
    (argv) => {
      chosen.action = async () => {
        const plan = await readPlan(context);
        const result = await withClient(context, argv, async (client, timeoutMs) => {
          const { txn } = await txnOf(client, plan);
          return txn.commit({ timeoutMs });
        });
        return report(context, result, argv);
      };
    },
  );
}
