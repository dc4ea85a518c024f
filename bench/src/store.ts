import { fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { Presets, SingleBar } from "cli-progress";
import { UsageError } from "./options.js";
import type { Rate, StoreBenchMessage, StoreBenchTask, StoreFigures } from "./store/measure.js";
import { HELP, parseOptions } from "./store/options.js";

const EXIT_USAGE = 2;
const MIB = 1024 * 1024;
const PLAIN_LINE_EVERY_MS = 5_000;

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const { valueBytes, puts, gets, batch, dir, set } = options;
  const all: StoreFigures[] = [];
  for (const keys of options.keys) {
    all.push(await measure({ directory: dir, keys, valueBytes, puts, gets, batch, options: set }));
  }
  process.stdout.write(`${describe(all, valueBytes)}\n`);
  if (options.jsonFile !== null) {
    await writeFile(options.jsonFile, `${JSON.stringify({ node: process.version, valueBytes, set, all })}\n`);
  }
}

/** In a process of its own, so that one size's memory is not another's. */
function measure(task: StoreBenchTask): Promise<StoreFigures> {
  const child = fork(new URL("store/measure.js", import.meta.url), [JSON.stringify(task)]);
  const stop = (): void => void child.kill();
  process.once("exit", stop);
  const progress = new Progress(`${task.keys} keys`);
  return new Promise((resolve, reject) => {
    let figures: StoreFigures | null = null;
    child.on("message", (message: StoreBenchMessage) => {
      if (message.kind === "figures") ({ figures } = message);
      else progress.show(message);
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.removeListener("exit", stop);
      progress.end();
      if (figures === null) reject(new Error(`the measuring process ended with ${signal ?? code}`));
      else resolve(figures);
    });
  });
}

/** A bar on a terminal, a line now and then elsewhere. */
class Progress {
  readonly #name: string;
  readonly #bar: SingleBar | null;
  #phase = "";
  #lineMs = 0;

  constructor(name: string) {
    this.#name = name;
    const format = `${name}, {phase} {bar} {percentage}%`;
    this.#bar = process.stderr.isTTY
      ? new SingleBar({ format, stream: process.stderr }, Presets.shades_classic)
      : null;
    this.#bar?.start(1, 0, { phase: "" });
  }

  show({ phase, done, of }: { phase: string; done: number; of: number }): void {
    this.#bar?.setTotal(of);
    this.#bar?.update(done, { phase });
    const now = performance.now();
    if (this.#bar !== null || (phase === this.#phase && now - this.#lineMs < PLAIN_LINE_EVERY_MS)) return;
    this.#phase = phase;
    this.#lineMs = now;
    process.stderr.write(`${this.#name}, ${phase}: ${done} of ${of}\n`);
  }

  end(): void {
    this.#bar?.stop();
  }
}

/** One column a size. */
function describe(all: readonly StoreFigures[], valueBytes: number): string {
  const rate = ({ perSecond, cpuMicros }: Rate): string =>
    `${Math.round(perSecond)}/s ${cpuMicros.toFixed(1)} us`;
  const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
  const rows: [string, (figures: StoreFigures) => string][] = [
    ["fresh puts", ({ freshPuts }) => rate(freshPuts)],
    ["puts", ({ puts }) => rate(puts)],
    ["hot gets", ({ hotGets }) => rate(hotGets)],
    ["cold gets", ({ coldGets }) => rate(coldGets)],
    ["scanned entries", ({ scannedEntries }) => rate(scannedEntries)],
    ["checkpoint", ({ checkpointMs }) => `${Math.round(checkpointMs)} ms`],
    ["opening", ({ openMs }) => `${Math.round(openMs)} ms`],
    [
      "undoing changes",
      ({ openUndoingMs, undoneChanges }) => `${undoneChanges} ${Math.round(openUndoingMs)} ms`,
    ],
    ["memory", ({ anonymousBytesMax }) => mebibytes(anonymousBytesMax)],
    ["disk", ({ diskBytes }) => mebibytes(diskBytes)],
  ];
  const width = 22;
  const line = (name: string, cells: readonly string[]): string =>
    name.padEnd(16) + cells.map((cell) => cell.padStart(width)).join("");
  return [
    `values of ${valueBytes} bytes; us: CPU time of one, LevelDB's threads included`,
    line(
      "keys",
      all.map(({ keys }) => `${keys}`),
    ),
    ...rows.map(([name, cell]) => line(name, all.map(cell))),
  ].join("\n");
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}
