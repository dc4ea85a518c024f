import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../power-loss/random.js";
import { follower, untilOver } from "./nemesis.js";
import type { Nemesis, Scene } from "./nemesis.js";

/** How a node says that its data is damaged. */
const DAMAGED_EXIT = 76;

interface Damage {
  readonly file: string;
  readonly offset: number;
  /** What stood there. */
  readonly byte: number;
}

/**
 * A bit of a follower's log flips while it is down. The node must refuse to start: it never votes on what is left of its log
 * (W3). Then the bit flips back, as if the disk had been read wrong, and the node goes on.
 */
export const corrupt: Nemesis = {
  name: "corrupt",
  groups: ["processes"],
  about: "a flipped bit in the log of one node that is down: it must refuse to start",
  lastsMs: [2_000, 6_000],
  async strike(scene) {
    const name = await follower(scene);
    const { damage, label } = await damaged(scene, name);
    if (damage !== null) set(damage);
    return { label, end: () => scene.cluster.start(name) };
  },
};

/** The same, and nobody mends it: the member is removed, and a new one takes its place, with an empty directory. */
export const replace: Nemesis = {
  name: "replace",
  groups: ["processes", "members"],
  about:
    "a follower whose log is damaged is removed, and another one put in its place with an empty directory",
  lastsMs: [3_000, 10_000],
  async strike(scene) {
    const name = await follower(scene);
    const { label } = await damaged(scene, name);
    const done = scene.cluster.changes.replace(name);
    return { label: `${label}: ${name} is replaced`, end: () => untilOver(done, scene) };
  },
};

/** Kills it, damages its log, and sees it refuse. */
async function damaged({ cluster, random }: Scene, name: string) {
  await cluster.kill([name]);
  const damage = damageLog(join(cluster.processes.dataDir(name), "wal"), random);
  if (damage === null) return { damage, label: `kill -9 of ${name}, whose log is too short to be damaged` };
  const label = `a flipped bit at ${damage.offset} of ${damage.file}`;
  const ended = await cluster.endOf(name);
  if (ended?.code !== DAMAGED_EXIT)
    cluster.find(
      `${label}: ${name} ${ended === null ? "serves" : `ended with ${ended.code ?? ended.signal}: ${ended.stderr.trim()}`}, and should have refused with ${DAMAGED_EXIT}`,
    );
  return { damage, label };
}

/** Damage in the newest segment may be a torn tail (W3); in any before it, it is none. */
function damageLog(directory: string, random: Random): Damage | null {
  if (!existsSync(directory)) return null;
  const segments = readdirSync(directory)
    .filter((name) => name.endsWith(".wal"))
    .sort()
    .slice(0, -1);
  if (segments.length === 0) return null;
  const file = join(directory, random.pick(segments));
  const bytes = readFileSync(file);
  const written = bytes.reduce((last, byte, at) => (byte === 0 ? last : at), 0);
  // Zeros may lie between the records.
  let offset = random.below(written + 1);
  while (bytes[offset] === 0) offset += 1;
  const damage = { file, offset, byte: bytes[offset] as number };
  set({ ...damage, byte: damage.byte ^ (1 << random.below(8)) });
  return damage;
}

function set({ byte, file, offset }: Damage): void {
  const bytes = readFileSync(file);
  bytes[offset] = byte;
  writeFileSync(file, bytes);
}
