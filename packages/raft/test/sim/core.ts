import { loadWal, REAL_WAL } from "./wal-module.js";
import type { WalModule } from "./wal-module.js";
import type { Raft, checkInvariants, configurationEntryBytes } from "../../dist/core/index.js";

/** What is under test: the real core and log, or a copy of either that was broken on purpose. */
export interface CoreModule {
  readonly Raft: typeof Raft;
  readonly checkInvariants: typeof checkInvariants;
  readonly configurationEntryBytes: typeof configurationEntryBytes;
  readonly wal: WalModule;
}

/** Where the real one is compiled to, seen from `dist-test/sim`. */
export const REAL_CORE = new URL("../../dist/core/index.js", import.meta.url).href;

/** `url` is that of the compiled core, `walFolder` where the compiled log is. */
export async function loadCore(url: string, walFolder: string = REAL_WAL): Promise<CoreModule> {
  const [core, wal] = await Promise.all([
    import(url) as Promise<Omit<CoreModule, "wal">>,
    loadWal(walFolder),
  ]);
  return { ...core, wal };
}
