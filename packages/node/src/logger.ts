import { pino } from "pino";
import type { Logger } from "pino";
import pretty from "pino-pretty";
import type { LogLevel } from "./log-levels.js";

export type { Logger } from "pino";

/** What every log line has beside the node's name. */
export interface LogPlace {
  readonly group: number;
  readonly term: number;
}

/** One JSON object a line; on a terminal lines that a person can read. `place` is asked for each line that is written. */
export function createLogger(level: LogLevel, node: string, place: () => LogPlace): Logger {
  const options = { level, base: { node }, mixin: place };
  if (process.stdout.isTTY) {
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
