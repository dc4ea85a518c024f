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
