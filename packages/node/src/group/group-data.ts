import type { GroupSnapshots } from "../snapshot/group-snapshots.js";
import type { HashChecks } from "./hash-checks.js";
import type { Replica } from "./replica.js";

/** What a member with data has beside its log. */
export class GroupData {
  readonly replica: Replica;
  readonly snapshots: GroupSnapshots;
  readonly hashChecks: HashChecks;

  constructor(parts: {
    readonly replica: Replica;
    readonly snapshots: GroupSnapshots;
    readonly hashChecks: HashChecks;
  }) {
    this.replica = parts.replica;
    this.snapshots = parts.snapshots;
    this.hashChecks = parts.hashChecks;
  }

  /** In force, as far as it is applied here. */
  get logFormat(): number {
    return this.replica.machine.settings.logFormat;
  }

  tick(nowMs: number): void {
    this.snapshots.tick(nowMs);
    this.hashChecks.tick(nowMs);
  }

  /** What was taken in and is not whole goes; nothing is compared any more. */
  async stop(): Promise<void> {
    this.hashChecks.stop();
    await this.snapshots.stop();
  }
}
