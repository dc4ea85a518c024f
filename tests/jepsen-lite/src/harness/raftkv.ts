import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The command as a user has it. */
export const RAFTKV = join(
  dirname(fileURLToPath(import.meta.resolve("@raftkv/cli"))),
  "..",
  "bin",
  "raftkv.cjs",
);

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `raftkv` with `args` to its end. */
export async function raftkv(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [RAFTKV, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? -1));
  });
  return { exitCode, stdout, stderr };
}

/** Runs `raftkv` and returns what it printed. @throws it exited with another status than 0. */
export async function mustRun(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { exitCode, stdout, stderr } = await raftkv(args, env);
  if (exitCode !== 0) throw new Error(`raftkv ${args.join(" ")} exited with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}
