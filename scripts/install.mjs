import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./child.mjs";

const STAMP = join("node_modules", ".raftkv-install");
/** Folders whose children are packages, and folders that are one (pnpm-workspace.yaml says the same to pnpm). */
const PACKAGE_PARENTS = ["packages", "tests"];
const PACKAGES = [".", "bench", "examples"];

/** No warnings about settings of the user's own, and no minute of waiting for a registry that cannot be reached. */
const NPM_SETTINGS = {
  npm_config_loglevel: "error",
  npm_config_update_notifier: "false",
  npm_config_fetch_retry_mintimeout: "1000",
  npm_config_fetch_retry_maxtimeout: "5000",
};

/** Every folder of the workspace that holds a package. */
export function packageFolders() {
  const found = [...PACKAGES];
  for (const parent of PACKAGE_PARENTS) {
    for (const name of readdirSync(parent)) found.push(join(parent, name));
  }
  return found.filter((folder) => existsSync(join(folder, "package.json"))).sort();
}

export function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** Changes exactly when an install could give something else than what is there. */
function fingerprint() {
  const hash = createHash("sha256");
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml"];
  for (const folder of packageFolders()) files.push(join(folder, "package.json"));
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function isInstalled(wanted) {
  if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== wanted) return false;
  return packageFolders().every((folder) => {
    const { dependencies = {}, devDependencies = {} } = manifestOf(folder);
    const needsModules = Object.keys({ ...dependencies, ...devDependencies }).length > 0;
    return !needsModules || existsSync(join(folder, "node_modules"));
  });
}

/** The pnpm on the PATH when it is the pinned one, else npx fetches that one. */
export function pnpmCommand(version) {
  const found = spawnSync("pnpm", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  if (found.status === 0 && found.stdout.trim() === version) return ["pnpm"];
  return ["npx", "--yes", `pnpm@${version}`];
}

/** The version that package.json pins; null when it pins none. */
export function pinnedPnpm() {
  return /^pnpm@([^+]+)/.exec(manifestOf(".").packageManager ?? "")?.[1] ?? null;
}

/** Resolves with an exit code: 0 when everything that the lockfile names is there. */
export async function install() {
  const wanted = fingerprint();
  if (isInstalled(wanted)) return 0;
  const version = pinnedPnpm();
  if (version === null) {
    console.error('error: package.json must pin pnpm, as in "packageManager": "pnpm@X.Y.Z"');
    return 2;
  }
  console.error(`installing dependencies with pnpm ${version} (once, until the lockfile changes) …`);
  const [program, ...before] = pnpmCommand(version);
  // A modules folder that another pnpm or another setting made is replaced without a question that nobody answers.
  const args = [...before, "install", "--frozen-lockfile", "--config.confirmModulesPurge=false"];
  const output = [];
  const env = { ...process.env, ...NPM_SETTINGS };
  const code = await run(program, args, { env, onOutput: (chunk) => output.push(chunk) });
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    console.error(
      "error: the dependencies could not be installed. The first run needs the npm registry: `npm ping` says " +
        "whether it can be reached. Afterwards no network is needed.",
    );
    return code;
  }
  writeFileSync(STAMP, wanted);
  return 0;
}
