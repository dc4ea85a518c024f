import type { KvOperation, RegisterOperation, StringOperation, Value } from "@raftkv/checker";

/**
 * Linearizability by its definition, without any cleverness: tries every order of every choice of open operations.
 * For histories of one key with a handful of operations.
 */
export function isLinearizableRegister(history: readonly RegisterOperation[]): boolean {
  return someOrder(history, [], (order) => {
    let value: Value = null;
    for (const operation of order) {
      const told = operation.outcome === "ok";
      if (operation.op === "read") {
        if (told && operation.value !== value) return false;
      } else if (operation.op === "write") {
        value = operation.value;
      } else {
        const swaps = operation.expected === value;
        if (told && operation.swapped !== swaps) return false;
        if (swaps) value = operation.value;
      }
    }
    return true;
  });
}

/**
 * The same for a key with revisions: lays the changes of an order out in a row, collects every revision that anybody was
 * told for one of them, and asks that each has one and that they grow along the row.
 */
export function isLinearizableKv(history: readonly KvOperation[]): boolean {
  return someOrder(history, [], (order) => {
    /** Each change, or reading of the current revision, with all revisions that were told for it. */
    const row: { told: number[]; isReading: boolean }[] = [];
    let current = null as { value: string; version: number; made: number; created: number } | null;
    for (const operation of order) {
      const told = operation.outcome === "ok";
      if (operation.op === "put") {
        row.push({ told: told && operation.revision !== null ? [operation.revision] : [], isReading: false });
        const made = row.length - 1;
        const version: number = (current?.version ?? 0) + 1;
        current = { value: operation.value, version, made, created: current?.created ?? made };
      } else if (operation.op === "delete") {
        if (told && operation.deleted !== null && operation.deleted !== (current !== null)) return false;
        row.push({
          told: told && operation.revision !== null ? [operation.revision] : [],
          isReading: current === null,
        });
        current = null;
      } else if (told) {
        if (operation.value !== (current?.value ?? null)) return false;
        if (current === null) continue;
        if (operation.version !== null && operation.version !== current.version) return false;
        if (operation.modRevision !== null) row[current.made]?.told.push(operation.modRevision);
        if (operation.createRevision !== null) row[current.created]?.told.push(operation.createRevision);
      }
    }
    let highest = 0;
    for (const { told, isReading } of row) {
      if (new Set(told).size > 1) return false;
      const [revision] = told;
      if (revision === undefined) continue;
      if (isReading ? revision < highest : revision <= highest) return false;
      highest = revision;
    }
    return true;
  });
}

/** The same for strings; what is missing reads as the empty one. */
export function isLinearizableString(history: readonly StringOperation[]): boolean {
  return someOrder(history, [], (order) => {
    let value = "";
    for (const operation of order) {
      if (operation.op === "put") value = operation.value;
      else if (operation.op === "append") value += operation.value;
      else if (operation.op === "delete") value = "";
      else if (operation.outcome === "ok" && (operation.value ?? "") !== value) return false;
    }
    return true;
  });
}

/** Whether `explains` holds for some order that keeps to calls and returns and has all finished operations. */
function someOrder<O extends RegisterOperation | KvOperation | StringOperation>(
  left: readonly O[],
  placed: readonly O[],
  explains: (order: readonly O[]) => boolean,
): boolean {
  if (!explains(placed)) return false;
  const finished = left.filter((operation) => operation.outcome === "ok");
  if (finished.length === 0) return true;
  return left.some((next) => {
    if (next.outcome === "fail") return false;
    const isTooLate = finished.some((other) => other !== next && (other.return ?? 0) < next.call);
    if (isTooLate) return false;
    const rest = left.filter((other) => other !== next);
    return someOrder(rest, [...placed, next], explains);
  });
}
