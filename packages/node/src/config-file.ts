import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type * as Yaml from "yaml";
import type { LineCounter, Pair, YAMLMap } from "yaml";
import { KNOBS } from "./knobs.js";
import { SETTINGS } from "./setting-table.js";
import { ConfigurationError, flagOf, keyOf } from "./settings.js";
import type { Given } from "./settings.js";

const require = createRequire(import.meta.url);
/** Loaded when there is a file to read: 30 ms of the start of every node that has none. */
const yaml = (): typeof Yaml => require("yaml") as typeof Yaml;

/** A mistake may be this many letters away from what was meant. */
const TYPO_MAX = 3;
/** No configuration is larger: so it is not one, and need not be read into memory. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Every key that a file may have -> the name in NodeOptions. */
const OPTION_OF_KEY: ReadonlyMap<string, string> = new Map(
  [...Object.keys(SETTINGS), ...Object.keys(KNOBS)].map((option) => [keyOf(option), option]),
);

/** What a YAML file says: one map of the flags without their dashes, as in `tick-ms: 10`. */
export class ConfigFile {
  readonly #given = new Map<string, Given>();

  /** @throws {ConfigurationError} names the file, the line, the key, and what is allowed. */
  constructor(flag: string, path: string) {
    const text = readText(flag, path);
    const lines = new (yaml().LineCounter)();
    const document = yaml().parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
    const [problem] = document.errors;
    if (problem !== undefined) {
      // Its first line says what is wrong; the others draw the place.
      const what = problem.message.split("\n", 1)[0]?.replace(/:$/, "") ?? problem.code;
      throw new ConfigurationError(flag, path, `one map in YAML, as in "tick-ms: 10": ${what}`);
    }
    const { contents } = document;
    // An empty file, or one of comments, says nothing: that is allowed.
    if (contents === null || (yaml().isScalar(contents) && contents.value === null)) return;
    if (!yaml().isMap(contents))
      throw new ConfigurationError(flag, path, 'one map in YAML, as in "tick-ms: 10"');
    for (const pair of (contents as YAMLMap).items) this.#take(path, lines, pair);
  }

  given(option: string): Given | null {
    return this.#given.get(option) ?? null;
  }

  #take(path: string, lines: LineCounter, { key, value }: Pair): void {
    const range = yaml().isScalar(key) ? key.range : null;
    const line = range === null || range === undefined ? 1 : lines.linePos(range[0]).line;
    const name = yaml().isScalar(key) ? String(key.value) : "?";
    const option = OPTION_OF_KEY.get(name);
    if (option === undefined) throw new ConfigurationError(`${path}:${line}: a key`, name, allowedKeys(name));
    const setting = `${path}:${line}: ${name}`;
    this.#given.set(option, { setting, text: textOf(setting, option, value) });
  }
}

function readText(flag: string, path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code = "EIO" } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(flag, path, `a file that can be read, and that fails with ${code}`);
  }
  if (bytes.length > FILE_BYTES_MAX)
    throw new ConfigurationError(flag, path, `a file of at most ${FILE_BYTES_MAX} bytes`);
  return bytes.toString("utf8");
}

/** As it is written: `0x10` and `1e3` are refused later on as they would be behind a flag. */
function textOf(setting: string, option: string, value: unknown): string {
  if (option === "initialCluster" && yaml().isSeq(value)) {
    return value.items.map((item) => textOf(setting, "", item)).join(",");
  }
  const simple = yaml().isScalar(value) && ["string", "number", "boolean"].includes(typeof value.value);
  if (!simple) {
    const list = option === "initialCluster" ? ", or a list of NAME=HOST:PORT" : "";
    throw new ConfigurationError(
      setting,
      yaml().isScalar(value) ? (value.source ?? "") : yaml().isSeq(value) ? "a list" : "more than one value",
      `one value${list}; leave the key out for the default`,
    );
  }
  return typeof value.value === "string" ? value.value : (value.source ?? String(value.value));
}

/** What was meant, if that can be guessed, and all that there is. */
function allowedKeys(name: string): string {
  const keys = [...OPTION_OF_KEY.keys()];
  const asKey = name.replace(/^-+/, "").replaceAll("_", "-");
  const wanted = OPTION_OF_KEY.has(keyOf(asKey)) ? keyOf(asKey) : nearest(asKey.toLowerCase(), keys);
  const guess = wanted === null ? "" : `${wanted}, or another `;
  return `${guess}one of ${[...keys].sort().join(", ")}`;
}

function nearest(name: string, keys: readonly string[]): string | null {
  const [best] = keys.map((key) => ({ key, far: distance(name, key) })).sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= TYPO_MAX ? best.key : null;
}

/** Levenshtein's: letters to add, take away or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The file that `--config` or RAFTKV_CONFIG names; null when neither does. */
export function openConfigFile(flag: string | undefined, variable: string | undefined): ConfigFile | null {
  if (flag !== undefined) return new ConfigFile(flagOf("config"), resolve(flag));
  if (variable === undefined || variable.trim() === "") return null;
  return new ConfigFile("RAFTKV_CONFIG", resolve(variable));
}
