import { LEASE_MARGIN_PERCENT, LEASE_MARGIN_PERCENT_MAX } from "@raftkv/client";
import type { LeaderLeasesStatus } from "@raftkv/client";
import type { Argv } from "yargs";
import { unescapeText } from "../arguments.js";
import { withClient } from "../cluster-request.js";
import type { ClusterOptions } from "../cluster-request.js";
import type { Chosen, Context } from "../context.js";
import { usageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { wholeNumber } from "../numbers.js";
import { say, sayJson } from "../output.js";
import { clusterOptions, textOption } from "./options.js";

interface LeasesOptions extends ClusterOptions {
  readonly switch: string | undefined;
  readonly margin: string | undefined;
}

async function leases(context: Context, argv: LeasesOptions): Promise<ExitCode> {
  const wanted = argv.switch === undefined ? null : unescapeText(argv.switch);
  if (wanted !== null && wanted !== "on" && wanted !== "off")
    throw usageError(`admin leases: "${wanted}" is neither on nor off`);
  if (argv.margin !== undefined && wanted !== "on") throw usageError("--margin goes with admin leases on");
  const margin = argv.margin === undefined ? {} : { marginPercent: marginOf(argv.margin) };
  const now = await withClient(context, argv, async ({ leaderLeases }, timeoutMs) => {
    switch (wanted) {
      case "on":
        return leaderLeases.on({ timeoutMs, ...margin });
      case "off":
        return leaderLeases.off({ timeoutMs });
      case null:
        return leaderLeases.show({ timeoutMs });
    }
  });
  if (argv.json) sayJson(context, jsonOf(now));
  else say(context, textOf(now));
  return EXIT.done;
}

function marginOf(shielded: string): number {
  const margin = wholeNumber("--margin", shielded, 1);
  if (margin <= LEASE_MARGIN_PERCENT_MAX) return margin;
  throw usageError(
    `--margin is "${margin}", but must be a whole number from 1 to ${LEASE_MARGIN_PERCENT_MAX}`,
  );
}

function jsonOf({ remainingMs, settings }: LeaderLeasesStatus) {
  return {
    on: settings !== null,
    electionTimeoutMs: settings?.electionTimeoutMs ?? null,
    marginPercent: settings?.marginPercent ?? null,
    remainingMs,
  };
}

function textOf({ remainingMs, settings }: LeaderLeasesStatus): string {
  if (settings === null) return "off: every linearizable read asks a majority";
  const now = remainingMs > 0 ? `the leader's lasts ${remainingMs} ms yet` : "the leader has none now";
  return `on: election timeout ${settings.electionTimeoutMs} ms, margin ${settings.marginPercent} %; ${now}`;
}

export function leasesCommand(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser.command(
    "leases [switch]",
    "let the leader answer reads without asking a majority, or not; without a word, tells which",
    (command) =>
      clusterOptions(command)
        .positional("switch", { type: "string", describe: "on or off" })
        .option(
          "margin",
          textOption(
            `with on: percent of the election timeout by which a lease ends earlier, 1 to ${LEASE_MARGIN_PERCENT_MAX}`,
            String(LEASE_MARGIN_PERCENT),
          ),
        )
        .epilogue(
          "A lease is as good as the members' clocks: they must not drift apart by more than the margin, and machines must not be suspended. These are not the leases of keys: see raftkv lease.",
        )
        .example("$0 admin leases", "on or off, with the figures")
        .example("$0 admin leases on --margin 25", "stands in the log: for every leader from now on")
        .example("$0 admin leases off", "every linearizable read asks a majority again"),
    (argv) => {
      chosen.action = () => leases(context, argv);
    },
  );
}
