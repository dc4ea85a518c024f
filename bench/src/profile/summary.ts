import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const ROWS = 40;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Writes `summary.txt` beside the profiles: for each the functions with the most time of their own. Returns its path. */
export function summarizeProfiles(directory: string): string {
  const texts = readdirSync(directory)
    .filter((name) => name.endsWith(".cpuprofile"))
    .sort()
    .map((name) => {
      const profile = JSON.parse(readFileSync(join(directory, name), "utf8")) as Profile;
      return `${name}\n${selfTimes(profile).join("\n")}\n`;
    });
  const path = join(directory, "summary.txt");
  writeFileSync(path, texts.join("\n"));
  return path;
}

/** Of the time in which it was not idle. */
function selfTimes({ nodes, samples, timeDeltas }: Profile): string[] {
  const labels = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === "" ? "" : ` ${basename(url)}:${lineNumber + 1}`;
      return [id, `${functionName === "" ? "(anonymous)" : functionName}${place}`];
    }),
  );
  const micros = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const label = labels.get(id) ?? "?";
    micros.set(label, (micros.get(label) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const idle = micros.get("(idle)") ?? 0;
  micros.delete("(idle)");
  // The profiler's own start.
  micros.delete("dispatch");
  const busy = [...micros.values()].reduce((sum, each) => sum + each, 0);
  const rows = [...micros]
    .sort(([, a], [, b]) => b - a)
    .slice(0, ROWS)
    .map(
      ([label, own]) =>
        `${((100 * own) / busy).toFixed(1).padStart(6)} %  ${(own / 1000).toFixed(0).padStart(7)} ms  ${label}`,
    );
  return [`  busy ${(busy / 1e6).toFixed(1)} s, idle ${(idle / 1e6).toFixed(1)} s`, ...rows];
}
