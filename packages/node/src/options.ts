import { resolve } from "node:path";
import { parseFsmSyncMode } from "@raftkv/store";
import { HOST_PORT_ALLOWED, formatHostPort, isLoopback, isWildcard, parseHostPort } from "./host-port.js";
import type { HostPort } from "./host-port.js";
import { KNOBS, knobAllowed, parseKnob } from "./knobs.js";
import type { KnobName, KnobValues } from "./knobs.js";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A member of a new cluster, and where the others reach it. */
export interface InitialMember extends HostPort {
  readonly name: string;
  /** It votes and stores the log, and has no data (R24). */
  readonly witness: boolean;
}

/** Everything that a node is told at its start, validated. Times in milliseconds, sizes in bytes. */
export interface NodeOptions extends KnobValues {
  readonly name: string;
  /** Absolute. */
  readonly dataDir: string;
  /** What an empty data directory means (R25). One that holds a node resumes, whatever is said here. */
  readonly start: "init" | "join" | "resume";
  readonly listenClient: HostPort;
  readonly listenPeer: HostPort;
  readonly advertiseClient: HostPort;
  readonly advertisePeer: HostPort;
  readonly initialCluster: readonly InitialMember[];
  /** This node votes and stores the log, and has no data (R24). */
  readonly witness: boolean;
  readonly fsmSyncMode: "sync" | "nosync";
  /** Whether other addresses than loopback are allowed without certificates (C9). */
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
}

/** What the command line gives, by the names of NodeOptions; `init` and `join` instead of `start`. */
export type RawNodeOptions = { readonly [name in RawTextName | RawFlagName]?: string | boolean | undefined };
type RawTextName = Exclude<keyof NodeOptions, "start" | RawFlagName>;
type RawFlagName = "init" | "join" | "insecure" | "witness";
type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used. `setting` is the flag or the variable that was wrong. Exit code 2. */
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

/** `tickMs` -> `--tick-ms`. */
export function flagOf(option: string): string {
  return `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `tickMs` -> `RAFTKV_TICK_MS`. The mode of the state machine is named as operators know it. */
export function environmentNameOf(option: string): string {
  if (option === "fsmSyncMode") return "FSM_SYNC_MODE";
  return `RAFTKV${flagOf(option).slice(1).replaceAll("-", "_").toUpperCase()}`;
}

/** One given text, and where it came from: a flag goes before its variable, an empty variable counts as none. */
interface Given {
  readonly setting: string;
  readonly text: string;
}

class Settings {
  readonly #raw: RawNodeOptions;
  readonly #environment: Environment;

  constructor(raw: RawNodeOptions, environment: Environment) {
    this.#raw = raw;
    this.#environment = environment;
  }

  given(option: RawTextName): Given | null {
    const flag = this.#raw[option];
    if (flag !== undefined) return { setting: flagOf(option), text: String(flag) };
    const setting = environmentNameOf(option);
    const text = this.#environment[setting];
    return text === undefined || text.trim() === "" ? null : { setting, text };
  }

  /** As whoever gave it knows it: the variable, when it came from there. */
  nameOf(option: RawTextName): string {
    return this.given(option)?.setting ?? flagOf(option);
  }

  isOn(option: RawFlagName): boolean {
    const flag = this.#raw[option];
    if (flag !== undefined) return flag === true || flag === "true";
    const setting = environmentNameOf(option);
    const text = this.#environment[setting]?.trim().toLowerCase() ?? "";
    if (text === "true" || text === "1") return true;
    if (text === "" || text === "false" || text === "0") return false;
    throw new ConfigurationError(setting, text, "true or false");
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

const NAME_ALLOWED =
  "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or a digit";
const MEMBERS_ALLOWED =
  "NAME=HOST:PORT,… with each name and each address once, as in n1=127.0.0.1:7501,n2=127.0.0.1:7502; " +
  "NAME=HOST:PORT/witness for a witness, of which there are fewer than half";
const WITNESS_SUFFIX = "/witness";

function parseName(text: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) ? text : null;
}

function parseMembers(text: string): readonly InitialMember[] | null {
  const members: InitialMember[] = [];
  const seen = new Set<string>();
  for (const part of text.split(",")) {
    const split = part.indexOf("=");
    const name = parseName(part.slice(0, Math.max(split, 0)).trim());
    const place = part.slice(split + 1).trim();
    const witness = place.endsWith(WITNESS_SUFFIX);
    const address = parseHostPort(witness ? place.slice(0, -WITNESS_SUFFIX.length) : place);
    if (name === null || address === null) return null;
    const formatted = formatHostPort(address);
    if (seen.has(name) || seen.has(formatted)) return null;
    seen.add(name).add(formatted);
    members.push({ name, witness, ...address });
  }
  // Whatever majority commits, one with data is in it.
  return members.filter(({ witness }) => witness).length * 2 < members.length ? members : null;
}

function parseLogLevel(text: string): LogLevel | null {
  return LOG_LEVELS.find((level) => level === text.trim().toLowerCase()) ?? null;
}

function parseDataDir(text: string): string | null {
  return text === "" || text.includes("\0") ? null : resolve(text);
}

function readKnobs(settings: Settings): KnobValues {
  const values: Partial<Record<KnobName, number>> = {};
  for (const name of Object.keys(KNOBS) as KnobName[]) {
    const knob = KNOBS[name];
    values[name] = settings.parsed(name, knobAllowed(knob), (text) => parseKnob(knob, text)) ?? knob.default;
  }
  return values as KnobValues;
}

/** What the knobs must be to each other; each alone is within its range already. */
function checkKnobs(settings: Settings, knobs: KnobValues): void {
  const demand = (holds: boolean, name: KnobName, allowed: string): void => {
    if (!holds) throw new ConfigurationError(settings.nameOf(name), String(knobs[name]), allowed);
  };
  demand(knobs.heartbeatMs >= knobs.tickMs, "heartbeatMs", `at least --tick-ms (${knobs.tickMs})`);
  demand(
    // With less than three heartbeats to a timeout, one lost frame starts an election.
    knobs.electionTimeoutMs >= 3 * knobs.heartbeatMs,
    "electionTimeoutMs",
    `at least three times --heartbeat-ms (${knobs.heartbeatMs})`,
  );
  const largestPut = knobs.maxKeyBytes + knobs.maxValueBytes;
  demand(
    // A frame holds more than the key and the value: what is around them fits into a sixteenth, or 4 KiB.
    knobs.maxFrameBytes >= largestPut + Math.max(4096, largestPut >> 4),
    "maxFrameBytes",
    `larger than --max-key-bytes plus --max-value-bytes (${largestPut}) by a sixteenth and 4096 at least`,
  );
  demand(knobs.maxTtlMs >= knobs.minTtlMs, "maxTtlMs", `at least --min-ttl-ms (${knobs.minTtlMs})`);
}

/** Until there are certificates, whoever reaches the port reads and writes everything: so it must be asked for (C9). */
function checkListenAddress(setting: string, address: HostPort, insecure: boolean): void {
  if (insecure || isLoopback(address.host)) return;
  throw new ConfigurationError(
    setting,
    formatHostPort(address),
    "a loopback address (127.0.0.1, ::1, localhost): nothing is encrypted or authenticated yet. " +
      "To listen on a network all the same, add --insecure",
  );
}

function readAddresses(settings: Settings, insecure: boolean) {
  const listen = (option: "listenClient" | "listenPeer"): HostPort => {
    const address = settings.required(option, HOST_PORT_ALLOWED, parseHostPort);
    checkListenAddress(settings.nameOf(option), address, insecure);
    return address;
  };
  const advertise = (option: "advertiseClient" | "advertisePeer", fallback: HostPort): HostPort => {
    const address = settings.parsed(option, HOST_PORT_ALLOWED, parseHostPort) ?? fallback;
    if (!isWildcard(address.host)) return address;
    throw new ConfigurationError(
      settings.nameOf(option),
      formatHostPort(address),
      "an address that others can connect to",
    );
  };
  const listenClient = listen("listenClient");
  const listenPeer = listen("listenPeer");
  if (formatHostPort(listenClient) === formatHostPort(listenPeer)) {
    throw new ConfigurationError(
      settings.nameOf("listenPeer"),
      formatHostPort(listenPeer),
      "another address than --listen-client",
    );
  }
  return {
    listenClient,
    listenPeer,
    advertiseClient: advertise("advertiseClient", listenClient),
    advertisePeer: advertise("advertisePeer", listenPeer),
  };
}

function readStart(settings: Settings): NodeOptions["start"] {
  const init = settings.isOn("init");
  const join = settings.isOn("join");
  if (init && join)
    throw new ConfigurationError("--join", "true", "given without --init: it is one or the other");
  if (init) return "init";
  return join ? "join" : "resume";
}

/** The others connect to what stands in the list, so this node must stand there as it advertises itself. */
function checkOwnEntry(name: string, advertisePeer: HostPort, members: readonly InitialMember[]): void {
  const own = members.find((member) => member.name === name);
  const wanted = `${name}=${formatHostPort(advertisePeer)}`;
  if (own !== undefined && formatHostPort(own) === formatHostPort(advertisePeer)) return;
  const listed = members.map((member) => `${member.name}=${formatHostPort(member)}`).join(",");
  throw new ConfigurationError(
    "--initial-cluster",
    listed,
    `a list with this node as it advertises itself, ${wanted}`,
  );
}

/** What the others take this node for must be what it is. */
function checkWitness(name: string, witness: boolean, members: readonly InitialMember[]): void {
  const own = members.find((member) => member.name === name);
  if (own === undefined || own.witness === witness) return;
  throw new ConfigurationError(
    "--witness",
    String(witness),
    `${own.witness}, as in the entry of ${name} in --initial-cluster, which ${own.witness ? "ends" : "does not end"} with ${WITNESS_SUFFIX}`,
  );
}

/**
 * Validates what the command line and the environment say. A flag goes before its variable.
 * @throws {ConfigurationError} names the flag or variable, its value, and what is allowed.
 * @throws {BadFsmSyncModeError} `FSM_SYNC_MODE` is neither `sync` nor `nosync`.
 */
export function parseNodeOptions(raw: RawNodeOptions, environment: Environment): NodeOptions {
  const settings = new Settings(raw, environment);
  const givenMode = settings.given("fsmSyncMode");
  const fsmSyncMode = parseFsmSyncMode(givenMode?.text, givenMode?.setting);
  const insecure = settings.isOn("insecure");
  const knobs = readKnobs(settings);
  checkKnobs(settings, knobs);
  const name = settings.required("name", NAME_ALLOWED, parseName);
  const dataDir = settings.required("dataDir", "a directory", parseDataDir);
  const addresses = readAddresses(settings, insecure);
  const start = readStart(settings);
  const initialCluster = settings.parsed("initialCluster", MEMBERS_ALLOWED, parseMembers) ?? [];
  if (start !== "resume" && initialCluster.length === 0) {
    throw new ConfigurationError("--initial-cluster", null, MEMBERS_ALLOWED);
  }
  const witness = settings.isOn("witness");
  checkWitness(name, witness, initialCluster);
  if (start === "init") checkOwnEntry(name, addresses.advertisePeer, initialCluster);
  const logLevel = settings.parsed("logLevel", LOG_LEVELS.join(", "), parseLogLevel) ?? "info";
  return {
    name,
    dataDir,
    start,
    ...addresses,
    initialCluster,
    witness,
    fsmSyncMode,
    insecure,
    logLevel,
    ...knobs,
  };
}
