import type { ConfigFile } from "./config-file.js";
import type { NodeOptions } from "./options.js";

/** What the command line or a program gives, by the names of NodeOptions; `init` and `join` instead of `start`. */
export type RawNodeOptions = {
  /** A file of settings; see ConfigFile. */
  readonly config?: string | undefined;
} & { readonly [name in RawTextName | RawFlagName]?: string | number | boolean | undefined };
export type RawTextName = Exclude<keyof NodeOptions, "start" | RawFlagName>;
export type RawFlagName = "init" | "join" | "insecure" | "witness";
export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used. `setting` is the flag, the variable or the place in a file that was wrong. Exit code 2. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "BAD_CONFIGURATION";
  readonly setting: string;
  readonly value: string | null;
  readonly allowed: string;

  constructor(setting: string, value: string | null, allowed: string) {
    super(
      value === null
        ? `${setting} is missing: ${allowed}`
        : `${setting} is "${value}", but must be ${allowed}`,
    );
    this.setting = setting;
    this.value = value;
    this.allowed = allowed;
  }
}

/** `tickMs` -> `tick-ms`, as it stands in a configuration file. */
export function keyOf(option: string): string {
  return option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `tickMs` -> `--tick-ms`. */
export function flagOf(option: string): string {
  return `--${keyOf(option)}`;
}

/** `tickMs` -> `RAFTKV_TICK_MS`. The mode of the state machine is named as operators know it. */
export function environmentNameOf(option: string): string {
  if (option === "fsmSyncMode") return "FSM_SYNC_MODE";
  return `RAFTKV_${keyOf(option).replaceAll("-", "_").toUpperCase()}`;
}

/** One given text, and where it came from. */
export interface Given {
  readonly setting: string;
  readonly text: string;
}

/** A flag goes before its variable, that before the file, and an empty variable counts as none. */
export class Settings {
  readonly #raw: RawNodeOptions;
  readonly #environment: Environment;
  readonly #file: ConfigFile | null;

  constructor(raw: RawNodeOptions, environment: Environment, file: ConfigFile | null) {
    this.#raw = raw;
    this.#environment = environment;
    this.#file = file;
  }

  given(option: RawTextName | RawFlagName): Given | null {
    const flag = this.#raw[option];
    if (flag !== undefined) return { setting: flagOf(option), text: String(flag) };
    const setting = environmentNameOf(option);
    const text = this.#environment[setting];
    if (text !== undefined && text.trim() !== "") return { setting, text };
    return this.#file?.given(option) ?? null;
  }

  /** As whoever gave it knows it: the variable, when it came from there. */
  nameOf(option: RawTextName | RawFlagName): string {
    return this.given(option)?.setting ?? flagOf(option);
  }

  isOn(option: RawFlagName): boolean {
    const given = this.given(option);
    if (given === null) return false;
    const text = given.text.trim().toLowerCase();
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    throw new ConfigurationError(given.setting, given.text, "true or false");
  }

  parsed<T>(option: RawTextName, allowed: string, parse: (text: string) => T | null): T | null {
    const given = this.given(option);
    if (given === null) return null;
    const value = parse(given.text);
    if (value === null) throw new ConfigurationError(given.setting, given.text, allowed);
    return value;
  }

  required<T>(option: RawTextName, allowed: string, parse: (text: string) => T | null): T {
    const value = this.parsed(option, allowed, parse);
    if (value === null) throw new ConfigurationError(flagOf(option), null, allowed);
    return value;
  }
}
