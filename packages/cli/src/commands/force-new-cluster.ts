import { resolve } from "node:path";
import { forceNewCluster } from "@raftkv/node";
import type { Survivor } from "@raftkv/node";
import { unescapeText } from "../arguments.js";
import type { Context } from "../context.js";
import { CliError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import type { ExitCode } from "../exit-codes.js";
import { withNodeErrors } from "../node-errors.js";
import { say, sayJson } from "../output.js";

/** What is known of it, and what is not. */
function forceDescription({
  committedIndex,
  lastIndex,
  lastTerm,
  members,
  name,
  removed,
  revision,
}: Survivor): string {
  const behind = lastIndex - committedIndex;
  return [
    `${name}, of a cluster of ${members.join(", ")}`,
    ...(removed ? [`${name} was removed from that cluster, which went on without it`] : []),
    `the log on this disk ends with index ${lastIndex}, of term ${lastTerm}`,
    `up to index ${committedIndex}, revision ${revision}, it is known here that entries were committed`,
    `kept:  all of it; the ${behind} ${behind === 1 ? "entry" : "entries"} behind that too, of which the last may never have been acknowledged to anybody`,
    "lost:  whatever the others acknowledged behind that index. Nobody can tell from here whether there is anything: of several survivors",
    "       take the one with the highest last term, and among several with that term the one with the highest last index",
    "after: a cluster of one, with an id of its own. No old member can join it, but with an empty directory, as a new one",
  ].join("\n");
}

interface ForceArguments {
  readonly dataDir: string;
  readonly yes: boolean;
  readonly json: boolean;
}

export async function forceCluster(context: Context, argv: ForceArguments): Promise<ExitCode> {
  const dataDir = resolve(context.cwd, unescapeText(argv.dataDir));
  let found: Survivor | null = null;
  const forced = await withNodeErrors(() =>
    forceNewCluster(dataDir, (survivor) => {
      found = survivor;
      if (!argv.json) say(context, forceDescription(survivor));
      return argv.yes;
    }),
  );
  if (forced === null) {
    if (argv.json) sayJson(context, found);
    throw new CliError("NOT_CONFIRMED", EXIT.usage, "nothing was changed: --yes does it");
  }
  if (argv.json) sayJson(context, forced);
  else say(context, `done:  ${forced.name} is cluster ${forced.newClusterId}; start it as before`);
  return EXIT.done;
}
