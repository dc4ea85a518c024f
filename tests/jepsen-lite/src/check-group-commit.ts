// `npm run check:group-commit [-- --puts N]`: 64 concurrent proposers with N puts each (10,000), on a real cluster of three. How many
// syncs of the log a put costs on the leader, by its metrics, and by strace for a twentieth as many puts again. Exits 1 when it is 0.2 or
// more, or the two disagree; 77 when strace is not there.
import { parseArgs } from "node:util";
import { checkGroupCommit, ratioOf } from "./group-commit/check.js";
import { straceMissing } from "./sync-order/strace.js";

const PROPOSERS = 64;
const RATIO_MAX = 0.2;

const log = (line: string): void => void process.stdout.write(`${line}\n`);

function putsWanted(): number | null {
  const { values } = parseArgs({ options: { puts: { type: "string", default: "10000" } } });
  const puts = Number(values.puts);
  return Number.isSafeInteger(puts) && puts >= 20 && puts <= 1_000_000 ? puts : null;
}

async function check(puts: number): Promise<boolean> {
  const { load, traced } = await checkGroupCommit({
    proposers: PROPOSERS,
    puts,
    tracedPuts: Math.ceil(puts / 20),
  });
  const rate = Math.round(load.committed / load.seconds);
  log(
    `${PROPOSERS} proposers x ${puts} puts: ${load.committed} committed, ${load.syncs} syncs on the leader, ${rate} puts/s`,
  );
  log(`  syncs / puts: ${ratioOf(load).toFixed(4)}`);
  let kept = load.committed === load.acknowledged && ratioOf(load) < RATIO_MAX;
  if (traced !== null) {
    log(
      `under strace: ${traced.committed} committed, ${traced.syncs} syncs by the metric, ${traced.seen} by strace`,
    );
    log(`  syncs / puts: ${ratioOf(traced).toFixed(4)}`);
    kept &&= traced.seen === traced.syncs && ratioOf(traced) < RATIO_MAX;
  }
  return kept;
}

const puts = putsWanted();
if (puts === null) {
  process.stderr.write("error: --puts must be a whole number from 20 to 1000000\n");
  process.exitCode = 2;
} else {
  const missing = straceMissing();
  const kept = await check(puts);
  if (missing !== null) log(`without strace: ${missing}`);
  process.exitCode = !kept ? 1 : missing === null ? 0 : 77;
}
