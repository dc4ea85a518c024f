import { mutant } from "./mutant.js";
import type { Mutant } from "./mutant.js";

/** Those of the sorted tables, and of what goes with them. */
export const MUTANTS_OF_TABLES: readonly Mutant[] = [
  mutant("S2", "a table's name is not synced before the manifest tells of it", "tables/sorted-tables.ts", [
    "    await this.#fileSystem.syncDirectory(this.location);\n    const table",
    "    const table",
  ]),
  mutant("S2", "the manifest's name is not synced", "tables/manifest.ts", [
    "  await fileSystem.syncDirectory(location);\n",
    "",
  ]),
  mutant("S2", "the manifest is written in place", "tables/manifest.ts", [
    "const temporary = `${manifestPath(location)}.tmp`;",
    "const temporary = manifestPath(location);",
  ]),
  mutant("S2", "a table is not synced", "tables/table-writer.ts", ["    await this.#file.sync();\n", ""]),
  mutant("S2", "tables go before the manifest has what takes their place", "tables/sorted-tables.ts", [
    "    await this.#take(by, (table) => this.#tables.toSpliced",
    "    for (const old of merged) await this.#fileSystem.remove(old.path);\n    await this.#take(by, (table) => this.#tables.toSpliced",
  ]),
  mutant("S3", "a merge forgets removals although there are older tables", "tables/sorted-tables.ts", [
    "const isLast = oldest === null && plan.to === tables.length;",
    "const isLast = true;",
  ]),
  mutant("S4", "a merge never forgets a removal", "tables/sorted-tables.ts", [
    "const isLast = oldest === null && plan.to === tables.length;",
    "const isLast = false;",
  ]),
  mutant("S3", "of two tables the older one has a key", "tables/merged-cursor.ts", [
    "if (cursor.rank < other.rank) {",
    "if (cursor.rank > other.rank) {",
  ]),
  mutant("S3", "what was flushed comes behind what was there", "tables/sorted-tables.ts", [
    "(table) => [table, ...this.#tables]",
    "(table) => [...this.#tables, table]",
  ]),
  mutant("S3", "a merge takes the place of what was flushed meanwhile", "tables/sorted-tables.ts", [
    "const from = this.#tables.findIndex((found) => found === merged[0]);",
    "const from = 0;",
  ]),
  mutant("S3", "what is being flushed is not read", "tables/sorted-tables.ts", [
    "    if (this.#flushing !== null) memory.push(this.#flushing.view());\n",
    "",
  ]),
  mutant("S3", "of a key that comes twice in a batch the first stays", "tables/entries.ts", [
    "compare(x, y) || x - y",
    "compare(x, y) || y - x",
  ]),
  mutant("S3", "a filter that is folded loses keys", "tables/bloom-filter.ts", [
    "words[i] = (words[i] ?? 0) | (words[half + i] ?? 0);",
    "words[i] = words[i] ?? 0;",
  ]),
  mutant("S3", "the index of a table does not tell a block from the one before", "tables/table-writer.ts", [
    "keyFrom + shared + 1)",
    "keyFrom + shared)",
  ]),
  mutant("S3", "the upgrade leaves the latest versions in memory", "upgrade-format.ts", [
    "      await latest.flush();\n",
    "",
  ]),
  mutant("S8", "the files of a scan are closed under it", "tables/sorted-tables.ts", [
    "    for (const table of view.tables) table.retain();\n",
    "    for (const table of view.tables.slice(0, 0)) table.retain();\n",
  ]),
  mutant("C6", "the checksum of a block is not looked at", "tables/table-format.ts", [
    "  if (found === expected) return;\n",
    "  if (found >= 0) return;\n",
  ]),
  mutant("C6", "a look-up does not look at the checksum of a block", "tables/table.ts", [
    "    checkBlock(block, start, this.path);\n",
    "",
  ]),
  mutant("C6", "a scan does not look at the checksum of a block", "tables/cursor.ts", [
    "      checkBlock(bytes.subarray(at, blockEnd), start + at, table.path);\n",
    "",
  ]),
  mutant("C6", "a table that is not there is told as another error", "tables/table.ts", [
    '    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;\n',
    "    if (cause instanceof Error) throw cause;\n",
  ]),
  mutant("C6", "the checksum of the D file does not cover its format", "checkpoint-file.ts", [
    "return format < 3 ? 0 :",
    "return format < 3_000 ? 0 :",
  ]),
  mutant("S9", "a merge that fails is forgotten", "tables/sorted-tables.ts", [
    "void (this.#failure ??= error instanceof Error ? error : new Error(String(error))),",
    "void error,",
  ]),
  mutant("S9", "tables are written once they are closed", "tables/sorted-tables.ts", [
    "    // Another may have opened what lies there by then, or removed it.\n    if (this.#isClosed) throw new StoreClosedError();\n",
    "",
  ]),
  mutant("S10", "a scan goes on behind what could not be read", "tables/table-iterator.ts", [
    "    if (this.#failure !== null) throw this.#failure;\n",
    "",
  ]),
  mutant("S10", "the stream of a snapshot goes on behind what could not be read", "snapshot-reader.ts", [
    "    if (this.#failure !== null) throw this.#failure;\n",
    "",
  ]),
  mutant("W12", "a merge takes the room that is left", "tables/sorted-tables.ts", [
    "      if (!(await this.#hasRoomFor(merged))) return;\n",
    "",
  ]),
  mutant("C5", "small tables wait for the end of a large merge", "tables/sorted-tables.ts", [
    "    if (this.#tables[0] !== newest) await this.#merge(newest);\n",
    "",
  ]),
  mutant("C5", "a checksum is made in one turn, however many the bytes are", "tables/in-turns.ts", [
    "    if (from > 0) await nextTurn();\n",
    "",
  ]),
  mutant("C5", "large keys are settled in one batch", "settle.ts", [
    "records >= RECORDS_PER_BATCH || bytes >= BYTES_PER_BATCH",
    "records >= RECORDS_PER_BATCH",
  ]),
  mutant("C5", "small tables between larger ones are never merged", "tables/merge-plan.ts", [
    "if (to - from >= 2) return { from, to };",
    "if (to - from >= 1e9) return { from, to };",
  ]),
];
