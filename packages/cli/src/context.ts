import type { Readable } from "node:stream";
import type { Output } from "./output.js";

/** The world outside of a command, so that tests can give it another one. */
export interface Context extends Output {
  readonly input: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** How the user would type this command, for lines to be pasted; null when nobody is there who would. */
  readonly commandName: string | null;
}

/** Runs one command to its end; gives its exit code, of which all but `lock` know only ours. What it throws is reported. */
export type Action = () => Promise<number>;

/** Where a parsed command line leaves what is to be done; `json` also decides how an error is shown. */
export interface Chosen {
  action: Action | null;
  /** What stands behind `--`, as it was typed; `lock` takes it for a command line, all others as keys and values. */
  readonly behind: readonly string[];
}
