// `npm run jepsen:controls`: the product is broken on purpose, and a run must notice.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { patchedEnv } from "../../power-loss/patches.js";
import type { RunVerdict } from "../verdict.js";
import { BROKEN_BUILDS } from "./controls.js";
import type { BrokenBuild, JepsenRun, PowerLossRun } from "./controls.js";

const EXIT_USAGE = 2;
const JEPSEN = fileURLToPath(new URL("../../jepsen.js", import.meta.url));
const POWER_LOSS = fileURLToPath(new URL("../../power-loss/main.js", import.meta.url));
/** The processes run in real time: a seed comes close to the same run, and is not the same. */
const ATTEMPTS = 3;
const USAGE = `usage: npm run jepsen:controls -- [--only NAME] [--attempts N]

Breaks the product on purpose, one way after the other, by changing compiled files as a process loads them, and prints which
combination of workload and nemesis noticed. Each gets ${ATTEMPTS} attempts, with the next seed each time.

  ${BROKEN_BUILDS.map(({ about, name }) => `${name.padEnd(24)}${about}`).join("\n  ")}

Exit code 0: all were caught. 1: one was not. 2: a wrong option.
`;

interface Caught {
  readonly by: string | null;
  readonly seed: number;
}

/** What noticed; null: nothing did. */
function attempt(build: BrokenBuild, seed: number, dir: string): Promise<string | null> {
  const out = join(dir, `${build.name.replaceAll(" ", "-")}-${seed}`);
  mkdirSync(out, { recursive: true });
  const { run } = build;
  return run.kind === "jepsen" ? tryJepsen(run, seed, out) : tryPowerLoss(run, seed, out);
}

async function tryJepsen(run: JepsenRun, seed: number, out: string): Promise<string | null> {
  const args = ["--time", `${run.seconds}s`, "--workload", run.workload, "--nemesis", run.nemesis];
  args.push("--seed", String(seed), "--floor", "0", "--pause", "20", "--out", out);
  await finished(JEPSEN, args, patchedEnv(run.patches, join(out, "patches.json")));
  const [found] = readdirSync(out).filter((name) => name.endsWith(`-seed-${seed}`));
  const results = join(out, found ?? "", "results.json");
  if (found === undefined || !existsSync(results)) return null;
  return run.caughtBy(JSON.parse(readFileSync(results, "utf8")) as RunVerdict);
}

/** Up to the first round that loses something. */
async function tryPowerLoss(run: PowerLossRun, seed: number, out: string): Promise<string | null> {
  const args = ["--rounds", String(run.rounds), "--seed", String(seed), "--mode", run.mode];
  const said = await finished(POWER_LOSS, [...args, "--control", run.control, "--dir", out], {});
  const [round, wrong] = /^(round \d+): .* LOST\n {2}(.*)$/m.exec(said)?.slice(1) ?? [];
  return round === undefined ? null : `${round}: ${wrong}`;
}

/** What it said on its standard output. */
async function finished(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  await new Promise((resolve) => child.once("close", resolve));
  return said;
}

async function catchIt(build: BrokenBuild, attempts: number, dir: string): Promise<Caught> {
  for (let seed = build.seed; ; seed += 1) {
    const by = await attempt(build, seed, dir);
    if (by !== null || seed - build.seed + 1 >= attempts) return { by, seed };
    process.stdout.write(`${build.name}: not with seed ${seed}\n`);
  }
}

function combination({ run }: BrokenBuild): string {
  return run.kind === "jepsen"
    ? `${run.workload} under ${run.nemesis}, ${run.seconds} s`
    : `\`npm run power-loss -- --rounds ${run.rounds} --mode ${run.mode} --control ${run.control}\``;
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: "string" }, attempts: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const attempts = Number(values.attempts ?? ATTEMPTS);
  const builds = BROKEN_BUILDS.filter(({ name }) => values.only === undefined || name === values.only);
  if (builds.length === 0) throw new Error(`--only knows no "${values.only}"`);
  if (!Number.isInteger(attempts) || attempts < 1) throw new Error("--attempts takes a whole number from 1");
  const dir = mkdtempSync(join(tmpdir(), "raftkv-controls-"));
  process.stdout.write("| control | what is broken | run | seed | caught by |\n|---|---|---|---|---|\n");
  let missed = 0;
  for (const build of builds) {
    const { by, seed } = await catchIt(build, attempts, dir);
    if (by === null) missed += 1;
    process.stdout.write(
      `| ${build.name} | ${build.about} | ${combination(build)} | ${seed} | ${by?.slice(0, 160) ?? "NOT CAUGHT"} |\n`,
    );
  }
  process.stdout.write(`${builds.length} controls, ${missed} not caught\n`);
  if (missed === 0) rmSync(dir, { recursive: true, force: true });
  else process.stdout.write(`kept: ${dir}\n`);
  return missed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
