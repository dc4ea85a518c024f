import type {
  AppenderOperation,
  BankOperation,
  Change,
  ChangeTogether,
  LeaseOperation,
  LockOperation,
  Operation,
  Step,
  Watch,
} from "./history.js";

/** One operation in one line, with its process and its place in the order. */
export function describeOperation(operation: Operation): string {
  const end = operation.return === null ? "open" : `return ${operation.return}`;
  return `process ${operation.process}: ${summarize(operation)} (call ${operation.call}, ${end})`;
}

/** What was asked and told, without who and when. */
export function summarize(operation: Operation): string {
  const isTold = operation.outcome === "ok";
  const answer = (text: string): string =>
    isTold ? ` -> ${text}` : operation.outcome === "fail" ? " failed" : " -> ?";
  switch (operation.op) {
    case "read":
      return `read${answer(operation.value === null ? "unset" : JSON.stringify(operation.value))}`;
    case "write":
      return `write ${JSON.stringify(operation.value)}${isTold ? "" : answer("")}`;
    case "cas": {
      const asked = `cas ${JSON.stringify(operation.expected)} to ${JSON.stringify(operation.value)}`;
      return asked + answer(operation.swapped === true ? "swapped" : "refused");
    }
    case "get": {
      const facts = told({
        revision: operation.modRevision,
        created: operation.createRevision,
        version: operation.version,
      });
      return `get${answer((operation.value === null ? "missing" : JSON.stringify(operation.value)) + facts)}`;
    }
    case "put": {
      const facts = told({ revision: operation.revision });
      return `put ${JSON.stringify(operation.value)}${isTold ? facts : answer("")}`;
    }
    case "delete": {
      const found = operation.deleted === null ? "done" : operation.deleted ? "deleted" : "nothing there";
      return `delete${answer(found + told({ revision: operation.revision }))}`;
    }
    case "add":
      return `add ${JSON.stringify(operation.value)}${isTold ? "" : answer("")}`;
    case "members":
      return `members${answer(`${operation.values.length} elements`)}`;
    case "increment":
      return `increment by ${operation.by}${answer(operation.total === null ? "done" : String(operation.total))}`;
    case "total":
      return `total${answer(String(operation.total))}`;
    case "append":
      return `append ${JSON.stringify(operation.value)}${isTold ? "" : answer("")}`;
    case "txn":
      return `${operation.steps.map((step) => summarizeStep(step)).join(", ")}${isTold ? "" : answer("")}`;
    default:
      return summarizeRecipe(operation);
  }
}

/** One step of a transaction. */
export function summarizeStep([kind, key, element]: Step): string {
  if (kind === "append") return `append ${JSON.stringify(element)} to ${key}`;
  return `read ${key} ${element === null ? "-> ?" : `-> [${element.join(" ")}]`}`;
}

type Recipe = BankOperation | AppenderOperation | LockOperation | LeaseOperation | ChangeTogether | Watch;

/** The same for what is built on a store: banks, logs, locks, leases, watches. */
function summarizeRecipe(operation: Recipe): string {
  const isTold = operation.outcome === "ok";
  const answer = (text: string | null): string => {
    if (operation.outcome === "fail") return " failed";
    return isTold ? (text === null ? "" : ` -> ${text}`) : " -> ?";
  };
  const yesNo = (told: boolean | null, yes: string, no: string): string | null =>
    told === null ? null : told ? yes : no;
  switch (operation.op) {
    case "transfer": {
      const asked = `transfer ${operation.amount} from ${operation.from} to ${operation.to}`;
      return asked + answer(yesNo(operation.done, "done", "refused"));
    }
    case "balances":
      return `balances${answer(JSON.stringify(operation.balances))}`;
    case "submit":
      return `submit ${operation.appender}:${operation.sequence}${answer(null)}`;
    case "log":
      return `log${answer(`${operation.entries?.length ?? 0} entries`)}`;
    case "acquire":
      return `acquire${answer(operation.token === null ? "held by another" : `token ${operation.token}`)}`;
    case "release":
      return `release token ${operation.token}${answer(null)}`;
    case "guarded":
      return `use token ${operation.token}${answer(yesNo(operation.accepted, "accepted", "refused"))}`;
    case "grant":
      return `grant for ${operation.ttlMs} ms${answer(null)}`;
    case "renew":
      return `renew${answer(yesNo(operation.found, "renewed", "not found"))}`;
    case "revoke":
      return `revoke${answer(null)}`;
    case "alive":
      return `look${answer(yesNo(operation.alive, "there", "gone"))}`;
    case "change": {
      const changed = operation.changes.map(summarizeChange).join(", ");
      return `change ${changed}${answer(operation.revision === null ? null : `revision ${operation.revision}`)}`;
    }
    case "watch":
      return `watch from ${operation.from}${answer(`${operation.received?.length ?? 0} messages`)}`;
  }
}

export function summarizeChange([key, value]: Change): string {
  return value === null ? `delete ${key}` : `${key} = ${JSON.stringify(value)}`;
}

function told(facts: Readonly<Record<string, number | null>>): string {
  const known = Object.entries(facts).filter(([, value]) => value !== null);
  return known.length === 0 ? "" : ` (${known.map(([name, value]) => `${name} ${value}`).join(", ")})`;
}
