import { setTimeout as sleep } from "node:timers/promises";
import type { Argv } from "yargs";
import type { ClusterOptions } from "../cluster-request.js";
import type { Heading } from "../commands.js";
import type { Chosen, Context } from "../context.js";
import { parseDuration } from "../duration.js";
import { findEndpoints, stoppedHint } from "../endpoints.js";
import { CliError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { demandOneCluster } from "../node-table.js";
import { say, sayJson } from "../output.js";
import { figuresOf } from "../top/figures.js";
import type { ClusterFigures } from "../top/figures.js";
import { Sampler } from "../top/sample.js";
import type { NodeSample } from "../top/sample.js";
import { Screen } from "../top/screen.js";
import { emphasized, viewLines } from "../top/view.js";
import { clusterOptions, flagOption, timeoutOption } from "./options.js";

interface TopOptions extends ClusterOptions {
  readonly interval: string;
  readonly once: boolean;
}

/** Nothing is cut off where nobody looks. */
const UNLIMITED = { columns: Infinity, rows: Infinity };

async function run(context: Context, argv: TopOptions): Promise<ExitCode> {
  const intervalMs = parseDuration("--interval", argv.interval);
  const timeoutMs = parseDuration("--timeout", argv.timeout);
  const endpoints = findEndpoints(argv.endpoints, context.env, context.cwd);
  const sampler = new Sampler(endpoints, timeoutMs);
  if (context.out.isTTY === true && !argv.once && !argv.json) return live(context, sampler, intervalMs);
  let before = await reached(sampler, context, argv);
  do {
    await sleep(intervalMs);
    const now = argv.once ? await reached(sampler, context, argv) : await sampler.take();
    const figures = figuresOf(before, now);
    if (argv.json) sayJson(context, figures);
    else for (const line of viewLines(figures, UNLIMITED)) say(context, line);
    before = now;
  } while (argv.json && !argv.once);
  return EXIT.done;
}

/** @throws {CliError} UNAVAILABLE; MIXED_CLUSTERS */
async function reached(sampler: Sampler, context: Context, argv: TopOptions): Promise<readonly NodeSample[]> {
  const sample = await sampler.take();
  demandOneCluster(sample.map(({ row }) => row));
  if (sample.some(({ row }) => row.reachable)) return sample;
  const hint = stoppedHint(argv.endpoints, context.env, context.cwd);
  throw new CliError("UNAVAILABLE", EXIT.unavailable, `no node answers${hint === null ? "" : `; ${hint}`}`);
}

/** Until a key or a signal ends it; a cluster that is down is shown as such. */
async function live(context: Context, sampler: Sampler, intervalMs: number): Promise<ExitCode> {
  const quit = new AbortController();
  let shown: ClusterFigures | null = null;
  const draw = (screen: Screen): void => {
    const { columns, rows } = screen.size;
    const foot = `every ${intervalMs} ms; q quits`.slice(0, columns);
    const lines = shown === null ? ["asking the nodes …"] : viewLines(shown, { columns, rows: rows - 1 });
    const empty = Math.max(0, rows - 1 - lines.length);
    const body = lines.map((line) => emphasized(line, columns));
    screen.draw([...body, ...Array.from({ length: empty }, () => ""), foot]);
  };
  const screen = new Screen(context.out as NodeJS.WriteStream, process.stdin.isTTY ? process.stdin : null, {
    onQuit: () => quit.abort(),
    onResize: () => draw(screen),
  });
  try {
    draw(screen);
    let before: readonly NodeSample[] = [];
    while (!quit.signal.aborted) {
      const now = await Promise.race([sampler.take(), aborted(quit.signal)]);
      if (now === null) break;
      demandOneCluster(now.map(({ row }) => row));
      shown = figuresOf(before, now);
      before = now;
      draw(screen);
      await sleep(intervalMs, null, { signal: quit.signal }).catch(() => null);
    }
  } finally {
    screen.close();
  }
  return EXIT.done;
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

export function topCommand(parser: Argv, context: Context, chosen: Chosen, heading: Heading): Argv {
  return parser.command(
    heading.usage,
    heading.describe,
    (command) =>
      clusterOptions(command)
        .option("timeout", timeoutOption("1s", "how long to wait for each node"))
        .option("interval", timeoutOption("1s", "how often to look"))
        .option("once", flagOption("look twice, an interval apart, print that, and end; as it is in a pipe"))
        .epilogue(
          "q or Ctrl-C ends it. Rates and latencies are over the last interval; lag is in entries of the log, as the leader " +
            "has it. --json prints an object a line, one each interval.",
        )
        .example("$0 top", "a live view of every member")
        .example("$0 top --once --interval 5s", "averages over five seconds, printed once")
        .example("$0 top --json | jq .writesPerSecond", "one number each second"),
    (argv) => {
      chosen.action = () => run(context, argv);
    },
  );
}
