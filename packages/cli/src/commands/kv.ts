import type { Argv } from "yargs";
import type { Chosen, Context } from "../context.js";
import { delCommand } from "./kv/del.js";
import { getCommand } from "./kv/get.js";
import { putCommand } from "./kv/put.js";
import { rangeCommand } from "./kv/range.js";
import { txnCommand } from "./kv/txn.js";
import { watchCommand } from "./kv/watch.js";

export function kvCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  const commands = [putCommand, getCommand, delCommand, rangeCommand, watchCommand, txnCommand];
  let built = parser.usage("$0 kv <command>\n\nReads, writes and watches keys.");
  for (const command of commands) built = command(built, context, chosen);
  return built.demandCommand(1, "kv: say put, get, del, range, watch or txn");
}
