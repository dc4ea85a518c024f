import type { Readable } from "node:stream";
import type { ExitCode } from "./exit-codes.js";
import type { Output } from "./output.js";

/** The world outside of a command, so that tests can give it another one. */
export interface Context extends Output {
  readonly input: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** How the user would type this command, for lines to be pasted; null when nobody is there who would. */
  readonly commandName: string | null;
}

/** Runs one command to its end. What it throws is reported by `main`. */
export type Action = () => Promise<ExitCode>;

/** Where a parsed command line leaves what is to be done; `json` also decides how an error is shown. */
export interface Chosen {
  action: Action | null;
}
