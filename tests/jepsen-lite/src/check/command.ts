import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { HistoryError } from "@raftkv/checker";
import type { Argv } from "yargs";
import { renderReport } from "../report/page.js";
import { FORMATS } from "./formats.js";
import type { Format } from "./formats.js";
import { MODELS, judge } from "./judge.js";
import type { Judgement, ModelName } from "./judge.js";
import { readHistory } from "./read-history.js";
import { windowOf } from "./window.js";

/** A contract with scripts. */
export const CHECK_EXIT = { linearizable: 0, notLinearizable: 1, unreadable: 2, undecided: 3 } as const;

const VERDICTS = { true: "linearizable", false: "not linearizable", null: "undecided" } as const;

export interface CheckArguments {
  readonly file: string;
  readonly model: ModelName;
  readonly format: Format | null;
  readonly html: string | null;
  readonly maxSteps: number;
  readonly maxConfigurations: number;
}

/** Where the command writes: its verdict, and what kept it from one. */
export interface CheckOutput {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
}

/** Judges a file; the last line that it prints is the verdict. @returns the exit code. */
export async function check(arguments_: CheckArguments, { error, out }: CheckOutput): Promise<number> {
  const { file, html, maxConfigurations, maxSteps, model } = arguments_;
  try {
    const started = performance.now();
    const { format, history } = await readHistory(file, arguments_.format);
    const judgement = judge(history, model, { format, maxSteps, maxConfigurations });
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    if (judgement.explanation !== "") out(judgement.explanation);
    out(`${judgement.summary}, format ${format}, ${seconds} s`);
    if (html !== null)
      await writeFile(html, renderPage(arguments_, judgement, windowOf(history, judgement.offending)));
    out(VERDICTS[`${judgement.ok}`]);
    if (judgement.ok === null) return CHECK_EXIT.undecided;
    return judgement.ok ? CHECK_EXIT.linearizable : CHECK_EXIT.notLinearizable;
  } catch (caught) {
    error(`error: ${explainError(caught, file)}`);
    return CHECK_EXIT.unreadable;
  }
}

/** @throws what is neither the history's fault nor the file system's. */
function explainError(caught: unknown, file: string): string {
  if (caught instanceof HistoryError)
    return caught.at === null ? `${file}: ${caught.what}` : `${file}, line ${caught.at}: ${caught.what}`;
  if (caught instanceof Error && "syscall" in caught) return caught.message;
  throw caught;
}

function renderPage(
  { file, model }: CheckArguments,
  { explanation, ok, summary }: Judgement,
  history: ReturnType<typeof windowOf>,
): string {
  return renderReport({
    title: `${basename(file)}, checked as ${model}`,
    verdict: { ok, headline: VERDICTS[`${ok}`], explanation },
    facts: [
      ["file", file],
      ["judged", summary],
    ],
    unit: "position",
    history,
    faults: [],
    seed: null,
    command: `npm run jepsen -- check ${file} --model ${model}`,
  });
}

const LIMIT = /^[1-9]\d{0,14}$/;

/** Adds `check FILE` to the command line. `run` gets what was asked for. */
export function addCheckCommand(parser: Argv, run: (arguments_: CheckArguments) => void): Argv {
  return parser.command(
    "check <file>",
    "judge a history that was recorded elsewhere",
    (command) =>
      command
        .positional("file", { type: "string", demandOption: true, describe: "the history" })
        .option("model", {
          choices: MODELS,
          demandOption: true,
          describe:
            "register: read, write, cas. kv: get, put, append, delete. append: the same, or list-append transactions",
        })
        .option("format", { choices: FORMATS, describe: "told by the name or the first lines when left out" })
        .option("html", { type: "string", describe: "write a page with the offending window to this file" })
        .option("max-steps", {
          type: "string",
          default: "200000000",
          describe: "steps of the search, for all keys",
        })
        .option("max-configurations", {
          type: "string",
          default: "2000000",
          describe: "configurations that it remembers for one key",
        })
        .check(({ "max-configurations": configurations, "max-steps": steps }) => {
          if (LIMIT.test(steps) && LIMIT.test(configurations)) return true;
          throw new Error("--max-steps and --max-configurations take a whole number from 1");
        })
        .epilogue(
          "The last line is `linearizable` (exit code 0), `not linearizable` (1) or `undecided` (3: a limit ended the search). " +
            "2: the file cannot be read as such a history. Formats and models: docs/histories.md.",
        ),
    (values) => {
      run({
        file: values.file,
        model: values.model,
        format: values.format ?? null,
        html: values.html ?? null,
        maxSteps: Number(values["max-steps"]),
        maxConfigurations: Number(values["max-configurations"]),
      });
    },
  );
}
