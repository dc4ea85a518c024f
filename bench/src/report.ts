// `npm run bench:report`: tables and curves of runs that are over, into docs/performance.md and report.html.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.js";
import { UsageError, parseValues } from "./options.js";
import { failoverTable } from "./report/failover-table.js";
import type { FailoverResults } from "./report/failover-table.js";
import { growthTables } from "./report/growth-tables.js";
import type { GrowthResults } from "./report/growth-tables.js";
import { htmlReport } from "./report/html.js";
import { markdownTable } from "./report/plain.js";
import { RESULTS_FORMAT } from "./report/results.js";
import type { Results } from "./report/results.js";
import { costTable, describeMachine, latencyTable, memoryTable, speedTable } from "./report/tables.js";

const HELP = `Usage: npm run bench:report -- [options]

Writes what results.json, failover.json and growth.json hold, those that are there, as tables into a document, between its marks,
and the curves into report.html beside them.

  --from DIR   where the benchmarks left their files   bench/results
  --doc FILE   the document                            docs/performance.md
  --help
`;

const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

function main(args: readonly string[]): number {
  const values = parseValues(args, { texts: ["from", "doc"], flags: [] });
  if (values === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const from = values["from"] ?? "bench/results";
  const sections = [resultsSection(from), failoverSection(from), growthSection(from)].filter(
    (text) => text !== "",
  );
  if (sections.length === 0) throw new UsageError(`${from} holds no results; \`npm run bench\` makes them`);
  const doc = values["doc"] ?? "docs/performance.md";
  writeBetweenMarks(doc, sections.join("\n"));
  process.stdout.write(`${doc} shows ${sections.length} of 3 parts\n`);
  return 0;
}

/** Null when there is no such file. @throws {UsageError} it is none of ours. */
function readResults(folder: string, name: string): unknown {
  const path = join(folder, name);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function resultsSection(folder: string): string {
  const results = readResults(folder, "results.json") as Results | null;
  if (results === null) return "";
  if (results.format !== RESULTS_FORMAT) {
    throw new UsageError(
      `results.json has the format ${String(results.format)}, this reads ${RESULTS_FORMAT}`,
    );
  }
  writeFileSync(join(folder, "report.html"), htmlReport(results));
  const notes = results.sides.flatMap(({ title, unsynced }) =>
    unsynced === null ? [] : [`${title} acknowledges before anything is synced: ${unsynced}.`],
  );
  const tables = [speedTable, latencyTable, memoryTable, costTable].map((table) =>
    markdownTable(table(results)),
  );
  return ["## Side by side", describeMachine(results), ...notes, ...tables].join("\n\n");
}

function failoverSection(folder: string): string {
  const results = readResults(folder, "failover.json") as FailoverResults | null;
  if (results === null) return "";
  const { afterSeconds, clients, timeoutMs } = results;
  const how =
    `${clients} closed-loop clients with a timeout of ${timeoutMs} ms, and a fresh put every 10 ms, watched for ${afterSeconds} s after the harm. ` +
    "Each side has its default election timeout.";
  return ["## Failover", `${origin(results)} ${how}`, markdownTable(failoverTable(results))].join("\n\n");
}

function growthSection(folder: string): string {
  const results = readResults(folder, "growth.json") as GrowthResults | null;
  if (results === null) return "";
  const how = `${results.clients} closed-loop clients, values of 256 bytes.`;
  return ["## Growth", `${origin(results)} ${how}`, ...growthTables(results).map(markdownTable)].join("\n\n");
}

function origin({ at, commit, machine }: Pick<GrowthResults, "at" | "commit" | "machine">): string {
  return `${at.slice(0, 10)}, commit ${commit}, ${machine.cores} × ${machine.cpu}, load ${machine.loadBefore.toFixed(1)} before the run.`;
}

/** What stood between the marks before is replaced. */
function writeBetweenMarks(path: string, text: string): void {
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  const begin = before.indexOf(BEGIN);
  const end = before.indexOf(END);
  if (begin === -1 || end < begin) throw new UsageError(`${path} has no lines ${BEGIN} and ${END}`);
  writeFileSync(path, `${before.slice(0, begin + BEGIN.length)}\n\n${text}\n${before.slice(end)}`);
}

await runCommand(HELP, () => Promise.resolve(main(process.argv.slice(2))));
