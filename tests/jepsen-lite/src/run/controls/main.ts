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
import type { BrokenBuild } from "./controls.js";

const EXIT_USAGE = 2;
const DOOR = fileURLToPath(new URL("../../jepsen.js", import.meta.url));
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

async function attempt(build: BrokenBuild, seed: number, dir: string): Promise<RunVerdict | null> {
  const out = join(dir, `${build.name.replaceAll(" ", "-")}-${seed}`);
  mkdirSync(out, { recursive: true });
  const args = ["--time", `${build.seconds}s`, "--workload", build.workload, "--nemesis", build.nemesis];
  args.push("--seed", String(seed), "--floor", "0", "--pause", "20", "--out", out);
  const child = spawn(process.execPath, [DOOR, ...args], {
    env: { ...process.env, ...patchedEnv(build.patches, join(out, "patches.json")) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await new Promise((resolve) => child.once("close", resolve));
  const [run] = readdirSync(out).filter((name) => name.endsWith(`-seed-${seed}`));
  const results = join(out, run ?? "", "results.json");
  return run !== undefined && existsSync(results)
    ? (JSON.parse(readFileSync(results, "utf8")) as RunVerdict)
    : null;
}

async function catchIt(build: BrokenBuild, attempts: number, dir: string): Promise<Caught> {
  for (let seed = build.seed; ; seed += 1) {
    const verdict = await attempt(build, seed, dir);
    const by = verdict === null ? null : build.caughtBy(verdict);
    if (by !== null || seed - build.seed + 1 >= attempts) return { by, seed };
    process.stdout.write(`${build.name}: not with seed ${seed}\n`);
  }
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
    const run = `${build.workload} under ${build.nemesis}, ${build.seconds} s`;
    process.stdout.write(
      `| ${build.name} | ${build.about} | ${run} | ${seed} | ${by?.slice(0, 160) ?? "NOT CAUGHT"} |\n`,
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
