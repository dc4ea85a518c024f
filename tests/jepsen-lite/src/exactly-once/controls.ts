import type { Patch } from "../power-loss/patches.js";

const SESSIONS = new URL("sessions.js", import.meta.resolve("@raftkv/fsm")).href;

/** What is broken on purpose, to see that the scenarios notice. */
export const CONTROLS = {
  /** A write that comes again is carried out again. */
  "no-dedup": {
    url: SESSIONS,
    original: "const first = results.get(number);",
    replacement: "const first = null;",
  },
  /** A session comes out of a checkpoint or a snapshot without the answers that it keeps. */
  "no-results": {
    url: SESSIONS,
    original: "this.#span += session.results.span;\n            this.#add(session);",
    replacement: "session.results = new KeptResults(); this.#add(session);",
  },
} as const satisfies Readonly<Record<string, Patch>>;

export type Control = keyof typeof CONTROLS;
