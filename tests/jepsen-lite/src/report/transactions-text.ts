import { describeOperation } from "@raftkv/checker";
import type { TransactionFinding } from "@raftkv/checker";

const FINDINGS_SHOWN = 5;

/** What is wrong with a history of transactions: each anomaly by its name, with the transactions and the cycle. Ends without a newline. */
export function describeTransactions(findings: readonly TransactionFinding[]): string {
  const blocks = findings.slice(0, FINDINGS_SHOWN).map((finding) => describeFinding(finding));
  if (findings.length > FINDINGS_SHOWN) {
    const counts = new Map<string, number>();
    for (const { anomaly } of findings.slice(FINDINGS_SHOWN))
      counts.set(anomaly, (counts.get(anomaly) ?? 0) + 1);
    blocks.push(`and ${[...counts].map(([anomaly, times]) => `${times} more of ${anomaly}`).join(", ")}`);
  }
  return blocks.join("\n");
}

function describeFinding({ anomaly, cycle, reason, transactions }: TransactionFinding): string {
  const lines = [`${anomaly}${cycle.length > 0 ? `, a cycle of ${cycle.length}` : `: ${reason}`}`];
  for (const transaction of transactions)
    lines.push(`  T${transaction.call}: ${describeOperation(transaction)}`);
  if (cycle.length > 0) {
    lines.push("each must come before the next, and the last before the first:");
    for (const part of reason.split("; ")) lines.push(`  ${part}`);
  }
  return lines.join("\n");
}
