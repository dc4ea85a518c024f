import type { Argv } from "yargs";
import { ENCODINGS } from "../byte-text.js";
import { DEFAULT_DIRECTORY } from "../cluster/directory.js";

/** Options that several commands share, word for word. */
export const endpointsOption = {
  type: "string",
  requiresArg: true,
  describe: "client addresses, HOST:PORT,…",
  defaultDescription: "$RAFTKV_ENDPOINTS, else the cluster in .raftkv here or above",
} as const;

export const jsonOption = {
  type: "boolean",
  default: false,
  describe: "print JSON, errors included",
} as const;

export const newDirectoryOption = {
  type: "string",
  requiresArg: true,
  default: DEFAULT_DIRECTORY,
  describe: "where the cluster is kept",
} as const;

/** Of a cluster that is there: found as `kv` finds it. */
export const directoryOption = {
  type: "string",
  requiresArg: true,
  describe: "where the cluster is kept",
  defaultDescription: `the ${DEFAULT_DIRECTORY} here or above`,
} as const;

export function timeoutOption(value: string, describe: string) {
  return {
    type: "string",
    requiresArg: true,
    default: value,
    describe: `${describe}: 500ms, 5s, 1m`,
  } as const;
}

/** What `withClient` takes. */
export function clusterOptions<T>(parser: Argv<T>, limit = "how long to try, connecting included") {
  return parser
    .option("endpoints", endpointsOption)
    .option("timeout", timeoutOption("5s", limit))
    .option("json", jsonOption);
}

export function textOption(describe: string, defaultDescription?: string) {
  return {
    type: "string",
    requiresArg: true,
    describe,
    ...(defaultDescription === undefined ? {} : { defaultDescription }),
  } as const;
}

export function flagOption(describe: string) {
  return { type: "boolean", default: false, describe } as const;
}

export function encodingOption(what: string) {
  return {
    choices: ENCODINGS,
    requiresArg: true,
    default: "raw",
    describe: `how ${what} are typed and printed`,
  } as const;
}
