import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Where Debian's packages put the sources of libraries in Go: nothing is downloaded. */
const GO_PATH = "/usr/share/gocode";
const SOURCES = fileURLToPath(new URL("../../loader-go", import.meta.url));
const OUTPUT = fileURLToPath(new URL("..", import.meta.url));

/** What a program says to one argument; null when it is not installed. */
export function versionOf(command: string, arg: string): string | null {
  try {
    return (
      execFileSync(command, [arg], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split(
        "\n",
      )[0] ?? ""
    );
  } catch {
    return null;
  }
}

/** Null when the loader of a peer can be compiled, else what to install. */
export function missingForLoader(library: string, debianPackage: string): string | null {
  const wanted = [];
  if (versionOf("go", "version") === null) wanted.push("golang-go");
  if (!existsSync(join(GO_PATH, "src", library))) wanted.push(debianPackage);
  return wanted.length === 0 ? null : `its loader is written in Go: apt-get install ${wanted.join(" ")}`;
}

/** Compiles bench/loader-go for one peer, offline; returns the program's path. Only the first time takes long. */
export async function compileLoader(tag: "etcd" | "nats"): Promise<string> {
  const program = join(OUTPUT, `loader-${tag}`);
  const env = { ...process.env, GO111MODULE: "off", GOPATH: GO_PATH, GOFLAGS: "", GOPROXY: "off" };
  await promisify(execFile)("go", ["build", "-tags", tag, "-o", program, "."], { cwd: SOURCES, env });
  return program;
}
