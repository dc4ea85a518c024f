import type { Argv } from "yargs";
import { keyRangeOptions } from "../../key-arguments.js";
import { clusterOptions, encodingOption, textOption } from "../options.js";

export const KEY = { type: "string", demandOption: true, describe: "the key: any bytes" } as const;
export const END = {
  type: "string",
  describe: "where a range ends: the first key that is not in it",
} as const;

export function encodingOptions<T>(parser: Argv<T>) {
  return parser
    .option("key-encoding", encodingOption("keys"))
    .option("value-encoding", encodingOption("values"));
}

/** How a read is done. */
export function readOptions<T>(parser: Argv<T>) {
  return parser.option("revision", textOption("as it stood at that revision", "now")).option("consistency", {
    choices: ["linearizable", "serializable"],
    requiresArg: true,
    default: "linearizable",
    describe: "serializable: from whichever node is asked, also without a leader; may be stale",
  } as const);
}

/** KEY [END], --prefix, --from-key, and what every command on a cluster takes. */
export function rangeOptions<T>(parser: Argv<T>, limit?: string) {
  return encodingOptions(
    clusterOptions(keyRangeOptions(parser.positional("key", KEY).positional("end", END)), limit),
  );
}
