import { SMALL_LOGS, commandOf, readArguments } from "./options.js";
import type { MembersArguments } from "./options.js";
import { show } from "./show.js";
import type { Scene } from "./show.js";

export interface ShowCommand {
  readonly name: string;
  readonly usage: string;
  readonly first: readonly string[];
  readonly stallMsMax: number;
  readonly rounds: number;
  readonly play: (scene: Scene, run: MembersArguments) => Promise<void>;
}

/** Exits with 1 when something was not as promised, 2 for a wrong option. */
export async function runShow({
  first,
  name,
  play,
  rounds,
  stallMsMax,
  usage,
}: ShowCommand): Promise<number> {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  let run: MembersArguments;
  try {
    run = readArguments({ rounds });
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n${usage}\n`);
    return 2;
  }
  tell(`again: ${commandOf(name, run)}`);
  const verdict = await show(first, (scene) => play(scene, run), {
    ...run,
    stallMsMax,
    env: run.snapshots ? SMALL_LOGS : {},
    tell,
  });
  for (const finding of verdict.findings) tell(`  WRONG: ${finding}`);
  const told = `${verdict.operations} requests, none failed, the longest took ${verdict.longestMs} ms (${stallMsMax} allowed)`;
  tell(verdict.ok ? `kept: ${told}` : `BROKEN (${verdict.findings.length}), again: ${commandOf(name, run)}`);
  return verdict.ok ? 0 : 1;
}
