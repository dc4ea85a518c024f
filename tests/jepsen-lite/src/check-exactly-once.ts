// `npm run check:exactly-once`: a counter is incremented while answers are lost and leaders are killed, and a session's answers are
// asked for again behind a snapshot and a restart (F3). Exits 1 when a request was carried out twice, not at all, or answered
// differently; 2 for a wrong option.
import { parseArgs } from "node:util";
import { CONTROLS } from "./exactly-once/controls.js";
import type { Control } from "./exactly-once/controls.js";
import { countExactly } from "./exactly-once/counter.js";
import { keepSession } from "./exactly-once/kept-session.js";

const CONTROL_NAMES = Object.keys(CONTROLS) as Control[];
const USAGE = `usage: npm run check:exactly-once -- [--increments 1000] [--kills 6] [--seed S] [--control ${CONTROL_NAMES.join("|")}]`;
const CLIENTS = 32;
const LOSS_RATE = 0.5;
const SHOWN_MAX = 10;

const log = (line: string): void => void process.stdout.write(`${line}\n`);

class UsageError extends Error {}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} is "${text}", but must be a whole number`);
}

/** @throws {TypeError | UsageError} an argument that is not in the usage. */
function readArguments() {
  const options = {
    increments: { type: "string", default: "1000" },
    kills: { type: "string", default: "6" },
    seed: { type: "string", default: String(1 + Math.floor(Math.random() * 999_999)) },
    control: { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  const control = CONTROL_NAMES.find((name) => name === values.control) ?? null;
  if (values.control !== undefined && control === null)
    throw new UsageError(`--control is "${values.control}", but must be one of ${CONTROL_NAMES.join(", ")}`);
  return {
    increments: wholeNumber("increments", values.increments),
    kills: wholeNumber("kills", values.kills),
    seed: wholeNumber("seed", values.seed),
    control,
  };
}

function judge(what: string, wrong: readonly string[]): boolean {
  for (const line of wrong.slice(0, SHOWN_MAX)) log(`  WRONG: ${line}`);
  log(`${what}: ${wrong.length === 0 ? "kept" : `BROKEN (${wrong.length})`}`);
  return wrong.length === 0;
}

async function check(settings: ReturnType<typeof readArguments>): Promise<boolean> {
  const { control, increments, kills, seed } = settings;
  const broken = control === null ? "" : ` --control ${control}`;
  log(
    `again: npm run check:exactly-once -- --increments ${increments} --kills ${kills} --seed ${seed}${broken}`,
  );
  const counter = await countExactly({ ...settings, clients: CLIENTS, lossRate: LOSS_RATE, log });
  log(
    `${increments} increments, ${counter.answersLost} answers lost, ${kills} leaders killed: ${counter.counted}`,
  );
  const counted = judge("the counter", counter.wrong);
  const session = await keepSession({ control, log });
  return judge("the session", session.wrong) && counted;
}

let settings: ReturnType<typeof readArguments> | null = null;
try {
  settings = readArguments();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n${USAGE}\n`);
  process.exitCode = 2;
}
if (settings !== null) process.exitCode = (await check(settings)) ? 0 : 1;
