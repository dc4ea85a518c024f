import type { LogIndex, LogWriter, SnapshotTask } from "raft-ts";
import type { GroupSnapshots } from "../snapshot/group-snapshots.js";
import type { Applies } from "./applier.js";

export interface SnapshotTasksOptions {
  readonly log: LogWriter;
  readonly applier: Applies;
  /** Null at a witness, whose snapshot is the base alone (R24). */
  readonly snapshots: GroupSnapshots | null;
  readonly isStopped: () => boolean;
  /** Everything up to `index` is there, and can be read. */
  readonly onInstalled: (index: LogIndex) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Carries out what the core says about snapshots, in step with the log and with what is being applied (R23). */
export class SnapshotTasks {
  readonly #options: SnapshotTasksOptions;

  constructor(options: SnapshotTasksOptions) {
    this.#options = options;
  }

  /**
   * To be called before the log gets the write of the same Ready, which may take away what is being applied. What is
   * returned is called behind it, with the log's number of that write.
   */
  prepare(tasks: readonly SnapshotTask[]): (logSeq: number) => void {
    const { applier, onFailed, snapshots } = this.#options;
    const begin = tasks.map((task) => {
      if (task.kind !== "install") return () => snapshots?.task(task);
      const suspended = applier.suspend();
      return (logSeq: number) => {
        this.#install(task.base, suspended, logSeq).catch(onFailed);
      };
    });
    return (logSeq) => begin.forEach((run) => run(logSeq));
  }

  async #install(
    base: Extract<SnapshotTask, { kind: "install" }>["base"],
    suspended: Promise<void>,
    logSeq: number,
  ): Promise<void> {
    const { applier, isStopped, log, onInstalled, snapshots } = this.#options;
    // The intent is in the log first (S10).
    const mayBegin = async (): Promise<boolean> => {
      await Promise.all([
        suspended,
        new Promise<void>((resolve, reject) => {
          log.durability.wait(logSeq, (error) => (error === null ? resolve() : reject(error)));
        }),
      ]);
      return !isStopped();
    };
    const installed = snapshots === null ? await mayBegin() : await snapshots.install(base, mayBegin);
    if (!installed) return;
    applier.resume(base.index);
    onInstalled(base.index);
  }
}
