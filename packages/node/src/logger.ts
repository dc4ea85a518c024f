import { createRequire } from "node:module";
import { pino } from "pino";
import type { Logger } from "pino";
import type { PinoPretty } from "pino-pretty";
import type { LogLevel } from "./log-levels.js";

export type { Logger } from "pino";

const require = createRequire(import.meta.url);

/** What every log line has beside the node's name. */
export interface LogPlace {
  readonly group: number;
  readonly term: number;
}

/** One JSON object a line; on a terminal lines that a person can read. `place` is asked for each line that is written. */
export function createLogger(level: LogLevel, node: string, place: () => LogPlace): Logger {
  const options = { level, base: { node }, mixin: place };
  if (process.stdout.isTTY) {
    // Loaded where it is needed: 35 ms of the start of every other node.
    const pretty = require("pino-pretty") as typeof PinoPretty;
    const stream = pretty({
      colorize: true,
      ignore: "pid,hostname,node,group,term",
      messageFormat: "{node} group {group} term {term}: {msg}",
      sync: true,
    });
    return pino(options, stream);
  }
  // Synchronous: the last line before an exit is the one that matters.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
