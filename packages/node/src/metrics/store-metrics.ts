import { StoreClosedError } from "@raftkv/store";
import type { Store, StoreSizes } from "@raftkv/store";
import type { Registry } from "prom-client";
import { gauge } from "./read-metric.js";

/** What the store holds, and what it takes on disk and in memory; 0 at a witness, which has none. */
export function registerStoreMetrics(registry: Registry, store: () => Store | null): void {
  const revisions = (name: string, help: string, read: (store: Store) => number): void => {
    gauge(registry, name, help, () => {
      const now = store();
      return now === null ? 0 : read(now);
    });
  };
  revisions("raftkv_store_revision", "Latest revision", ({ revision }) => revision);
  // All sizes are of one moment, and LevelDB is asked once.
  let asked: Promise<StoreSizes | null> | null = null;
  const sizes = (name: string, help: string, read: (sizes: StoreSizes) => number): void => {
    gauge(registry, name, help, async () => {
      asked ??= sizesOf(store()).finally(() => {
        asked = null;
      });
      const found = await asked;
      return found === null ? 0 : read(found);
    });
  };
  sizes("raftkv_store_keys", "Keys that are there", ({ keys }) => keys);
  sizes("raftkv_store_latest_bytes", "Bytes of the latest versions on disk, about", (all) => all.latestBytes);
  sizes("raftkv_store_history_bytes", "Bytes of changes on disk, about", (all) => all.historyBytes);
  sizes("raftkv_store_unwritten_bytes", "Bytes of changes not in LevelDB yet", (all) => all.unwrittenBytes);
  sizes("raftkv_store_cached_bytes", "Bytes of latest versions in memory", (all) => all.cachedBytes);
  sizes(
    "raftkv_store_header_bytes",
    "Bytes of latest versions without their values in memory",
    (all) => all.headerBytes,
  );
}

/** Null also when a snapshot took the store's place meanwhile. */
async function sizesOf(store: Store | null): Promise<StoreSizes | null> {
  try {
    return (await store?.sizes()) ?? null;
  } catch (error) {
    if (error instanceof StoreClosedError) return null;
    throw error;
  }
}
