import type { Registry } from "prom-client";
import { DurationHistogram } from "./duration-histogram.js";

/** How long the steps of a node take. Each is observed where it happens. */
export class Timings {
  readonly write = new DurationHistogram();
  readonly read = new DurationHistogram();
  readonly logSync = new DurationHistogram();
  readonly apply = new DurationHistogram();
  readonly checkpoint = new DurationHistogram();

  register(registry: Registry): void {
    const { apply, checkpoint, logSync, read, write } = this;
    write.register(
      registry,
      "raftkv_write_seconds",
      "From the admission of a client's write to its answer, waiting for room included",
    );
    read.register(registry, "raftkv_read_seconds", "From a linearizable read to the leave to answer it");
    logSync.register(registry, "raftkv_wal_sync_seconds", "One fdatasync of the log");
    apply.register(registry, "raftkv_apply_seconds", "Applying one batch of committed entries");
    checkpoint.register(registry, "raftkv_checkpoint_seconds", "Making one checkpoint of the store");
  }
}
