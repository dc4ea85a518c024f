import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../power-loss/random.js";
import { follower } from "./nemesis.js";
import type { Nemesis } from "./nemesis.js";

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
 * (W3). Members cannot be replaced yet, so the bit flips back, as if the disk had been read wrong, and the node goes on.
 */
export const corrupt: Nemesis = {
  name: "corrupt",
  group: "processes",
  about: "a flipped bit in the log of one node that is down: it must refuse to start",
  lastsMs: [2_000, 6_000],
  async strike(scene) {
    const { cluster, random } = scene;
    const name = await follower(scene);
    await cluster.kill([name]);
    const damage = damageLog(join(cluster.processes.dataDir(name), "wal"), random);
    const end = (): void => cluster.start(name);
    if (damage === null) return { label: `kill -9 of ${name}, whose log is too short to be damaged`, end };
    const { byte, file, offset } = damage;
    const ended = await cluster.endOf(name);
    set({ file, offset, byte });
    const label = `a flipped bit at ${offset} of ${file}`;
    if (ended?.code !== DAMAGED_EXIT)
      cluster.find(
        `${label}: ${name} ${ended === null ? "serves" : `ended with ${ended.code ?? ended.signal}: ${ended.stderr.trim()}`}, and should have refused with ${DAMAGED_EXIT}`,
      );
    return { label, end };
  },
};

/** Damage in the newest segment may be a torn tail (W3); in any before it, it is none. */
function damageLog(directory: string, random: Random): Damage | null {
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
