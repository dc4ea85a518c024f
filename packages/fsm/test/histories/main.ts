import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runHistories } from "./run.js";

const USAGE = `usage: npm run fsm:histories -- [options]

Random histories of two replicas of the state machine, each over a store on disk that is killed, closed and opened again,
against a plain model and against each other. TMPDIR=/dev/shm makes it quick.

  --runs N     histories (default 1000)
  --seed S     of the histories; printed when one fails (default: a random one)
  --path P     the one history that failed, as printed
  --no-shrink  do not look for a smaller one that fails
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "1000" },
      seed: { type: "string", default: `${randomInt(2 ** 31)}` },
      path: { type: "string" },
      "no-shrink": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const runs = Number(values.runs);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
    process.stderr.write(`error: --runs ${values.runs} --seed ${values.seed}: whole numbers are wanted\n`);
    return 2;
  }
  process.stderr.write(`seed ${seed}\n`);
  let done = 0;
  const onRun = (): void => {
    done += 1;
    if (done % 100 === 0) process.stderr.write(`${done} of ${runs}\n`);
  };
  try {
    await runHistories({
      runs,
      seed,
      path: values.path ?? null,
      shrink: values["no-shrink"] !== true,
      onRun,
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = error.cause instanceof Error ? error.cause.message : "";
    process.stderr.write(`error: ${error.message}\n${cause}\n`);
    return 1;
  }
  process.stdout.write(`${runs} histories, none differs\n`);
  return 0;
}

process.exitCode = await main();
