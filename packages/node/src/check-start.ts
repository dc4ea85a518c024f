import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { openConfigFile } from "./config-file.js";
import type { FileSystemSpace } from "./disk-space.js";
import { ListenError } from "./errors.js";
import { formatHostPort } from "./host-port.js";
import type { HostPort } from "./host-port.js";
import { checkDataDirectory } from "./identity.js";
import { KNOBS } from "./knobs.js";
import { listen } from "./listen.js";
import { readNodeOptions } from "./options.js";
import type { NodeOptions } from "./options.js";
import { readQuarantine } from "./quarantine.js";
import { SETTINGS } from "./setting-table.js";
import { ConfigurationError, Settings, environmentNameOf } from "./settings.js";
import type { Environment, RawNodeOptions } from "./settings.js";

const OPTIONS = [...Object.keys(SETTINGS), ...Object.keys(KNOBS)] as (
  | keyof typeof SETTINGS
  | keyof typeof KNOBS
)[];

/** Variables of ours that are no setting of a node. */
const OTHER_VARIABLES = /^RAFTKV_(?:CONFIG|ENDPOINTS|LOCK_|SEED$|TEST_)/;

type Statfs = (path: string) => Promise<FileSystemSpace>;

/** A node that could be started as it was told. */
export interface StartReport {
  readonly options: NodeOptions;
  /** Whether the directory holds a node already. */
  readonly resumes: boolean;
  /** Every setting that is given, and where. */
  readonly given: readonly { readonly option: string; readonly setting: string; readonly text: string }[];
  /** What does not keep the node from starting, and may yet not be meant. */
  readonly remarks: readonly string[];
}

/**
 * Looks at everything that a start would need, and changes nothing: settings, what the data directory holds, whether it
 * can be written, whether the addresses are this machine's.
 * @throws what `parseNodeOptions` and `startNode` would throw. @throws {ReplicaDiffersError} it would start, and never serve.
 */
export async function checkStart(
  raw: RawNodeOptions,
  environment: Environment,
  statfsOf: Statfs = statfs,
): Promise<StartReport> {
  const settings = new Settings(raw, environment, openConfigFile(raw.config, environment["RAFTKV_CONFIG"]));
  const options = readNodeOptions(settings);
  checkDataDirectory(options);
  const quarantine = readQuarantine(options.dataDir);
  if (quarantine !== null) throw quarantine;
  const existing = checkWritable(settings.nameOf("dataDir"), options.dataDir);
  const remarks = [
    ...unknownVariables(environment),
    ...(await spaceRemarks(options, existing, statfsOf)),
    ...(await addressRemarks(options.listenClient)),
    ...(await addressRemarks(options.listenPeer)),
  ];
  const given = OPTIONS.flatMap((option) => {
    const found = settings.given(option);
    return found === null ? [] : [{ option, ...found }];
  });
  return { options, resumes: existsSync(join(options.dataDir, "node.json")), given, remarks };
}

/** Permissions alone do not tell (root, read-only and pseudo file systems): so something is made there, and removed. */
function checkWritable(setting: string, dataDir: string): string {
  let at = dataDir;
  while (!existsSync(at)) at = dirname(at);
  try {
    if (!statSync(at).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    rmdirSync(mkdtempSync(join(at, ".raftkv-check-")));
    for (const name of ["wal", "groups"]) {
      const inside = join(dataDir, name);
      if (existsSync(inside)) accessSync(inside, constants.R_OK | constants.W_OK | constants.X_OK);
    }
  } catch (error) {
    const { code = "EIO" } = error as NodeJS.ErrnoException;
    const where = at === dataDir ? "" : ` in ${at}`;
    throw new ConfigurationError(
      setting,
      dataDir,
      `a directory that this user can make and write to: making one${where} fails with ${code}`,
    );
  }
  return at;
}

async function spaceRemarks(
  { spaceReserveBytes, walSegmentBytes }: NodeOptions,
  path: string,
  statfsOf: Statfs,
): Promise<string[]> {
  const { bavail, blocks, bsize } = await statfsOf(path);
  const freeBytes = bavail * bsize;
  const neededBytes = Math.min(spaceReserveBytes, (blocks * bsize) / 2) + walSegmentBytes;
  if (freeBytes >= neededBytes) return [];
  return [`${freeBytes} bytes are free in ${path}: below ${neededBytes} the node refuses writes (NO_SPACE)`];
}

/** @throws {ListenError} the address is none of this machine's, or not for this user. */
async function addressRemarks(address: HostPort): Promise<string[]> {
  const server = createServer();
  try {
    await listen(server, address);
  } catch (error) {
    const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
    if (!(error instanceof ListenError) || cause?.code !== "EADDRINUSE") throw error;
    return [`${formatHostPort(address)} is in use now: a node that runs there must be stopped first`];
  }
  await new Promise((resolve) => server.close(resolve));
  return [];
}

/** A misspelt variable is no error, since Kubernetes sets some of its own; but it has no effect. */
function unknownVariables(environment: Environment): string[] {
  const known = new Set(OPTIONS.map(environmentNameOf));
  return Object.keys(environment)
    .filter((name) => name.startsWith("RAFTKV_") && !known.has(name) && !OTHER_VARIABLES.test(name))
    .sort()
    .map((name) => `${name} is no setting, and has no effect`);
}
