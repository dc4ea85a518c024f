import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFileDurably, syncDirectory } from "./durable-file.js";
import { ReplicaDiffersError } from "./errors.js";

function pathIn(dataDir: string): string {
  return join(dataDir, "quarantine.json");
}

/** Never again, whoever starts it: what this replica holds is wrong, and so would be its vote for what it holds. */
export function saveQuarantine(dataDir: string, error: ReplicaDiffersError): void {
  const { agreed, expected, found, index } = error;
  replaceFileDurably(
    pathIn(dataDir),
    `${JSON.stringify({ format: 1, index, expected, found, agreed }, null, 2)}\n`,
  );
}

/** Null when there is none. What cannot be read counts as well: it says that much. */
export function readQuarantine(dataDir: string): ReplicaDiffersError | null {
  if (!existsSync(pathIn(dataDir))) return null;
  // It may have been written by a process that was killed before the name was durable (W11).
  syncDirectory(dataDir);
  let facts: Partial<ReplicaDiffersError> = {};
  try {
    facts = JSON.parse(readFileSync(pathIn(dataDir), "utf8")) as Partial<ReplicaDiffersError>;
  } catch {
    // Its being there is what counts.
  }
  const { agreed = [], expected = "unknown", found = "unknown", index = 0 } = facts;
  return new ReplicaDiffersError({ index, expected, found, agreed });
}
