/** What every command ends with. The numbers are a contract with scripts and never change their meaning. */
export const EXIT = {
  done: 0,
  negative: 1,
  usage: 2,
  unavailable: 3,
  outcomeUnknown: 4,
  refused: 5,
  brokenInvariant: 70,
  storageFailed: 74,
  directoryInUse: 75,
  dataDamaged: 76,
  removed: 77,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The one table: docs/cli.md and `raftkv --help` say the same, and a test compares them. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [EXIT.done]: "done",
  [EXIT.negative]:
    "a negative answer: key not found, compares that do not hold, a node not ready, hashes that differ, log or snapshot damaged",
  [EXIT.usage]: "usage or configuration, a bad FSM_SYNC_MODE included",
  [EXIT.unavailable]: "not available within the timeout",
  [EXIT.outcomeUnknown]: "outcome unknown: the write may have been carried out",
  [EXIT.refused]: "another typed refusal",
  [EXIT.brokenInvariant]: "a broken invariant: a bug of raftkv",
  [EXIT.storageFailed]: "the log or the store failed (node)",
  [EXIT.directoryInUse]: "the data directory is in use (node)",
  [EXIT.dataDamaged]: "the data is damaged (node)",
  [EXIT.removed]: "the cluster has removed this member (node)",
};

/** What went wrong in a process that ended with this code, for a message; null when the number is none of ours. */
export function exitMeaning(code: number): string | null {
  return (EXIT_MEANINGS as Readonly<Record<number, string>>)[code] ?? null;
}

export function isExitCode(value: unknown): value is ExitCode {
  return typeof value === "number" && Object.hasOwn(EXIT_MEANINGS, value);
}
