import { compareBytes } from "./bytes.js";
import type { Compare } from "./command.js";
import type { KeyValue } from "@raftkv/store";

/** Whether a compare holds for one key of its range; null: the key is not there, or no key is. */
export function compareHolds(compare: Compare, entry: KeyValue | null): boolean {
  switch (compare.target) {
    case "value":
      return entry !== null && related(compareBytes(entry.value, compare.operand), compare.relation);
    case "version":
      return related((entry?.version ?? 0) - compare.operand, compare.relation);
    case "create":
      return related((entry?.createRevision ?? 0) - compare.operand, compare.relation);
    case "mod":
      return related((entry?.modRevision ?? 0) - compare.operand, compare.relation);
    case "lease":
      return related((entry?.lease ?? 0) - compare.operand, compare.relation);
  }
}

/** `difference` is below, at or above 0 as what is found is to the operand. */
function related(difference: number, relation: Compare["relation"]): boolean {
  switch (relation) {
    case "=":
      return difference === 0;
    case "!=":
      return difference !== 0;
    case "<":
      return difference < 0;
    case ">":
      return difference > 0;
  }
}
