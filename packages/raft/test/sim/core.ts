import type { Raft, checkInvariants, configurationEntryBytes } from "../../dist/core/index.js";

/** The core under test: the real one, or a copy that was broken on purpose. */
export interface CoreModule {
  readonly Raft: typeof Raft;
  readonly checkInvariants: typeof checkInvariants;
  readonly configurationEntryBytes: typeof configurationEntryBytes;
}

/** Where the real one is compiled to, seen from `dist-test/sim`. */
export const REAL_CORE = new URL("../../dist/core/index.js", import.meta.url).href;

export async function loadCore(url: string): Promise<CoreModule> {
  return (await import(url)) as CoreModule;
}
