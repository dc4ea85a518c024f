import { pino } from "pino";
import type { Logger } from "pino";
import pretty from "pino-pretty";
import type { LogLevel } from "./log-levels.js";

export type { Logger } from "pino";

/** One JSON object a line; on a terminal lines that a person can read. */
export function createLogger(level: LogLevel, node: string): Logger {
  const base = { node };
  if (process.stdout.isTTY) {
    const stream = pretty({
      colorize: true,
      ignore: "pid,hostname,node",
      messageFormat: "{node} {msg}",
      sync: true,
    });
    return pino({ level, base }, stream);
  }
  // Synchronous: the last line before an exit is the one that matters.
  return pino({ level, base }, pino.destination({ dest: 1, sync: true }));
}
