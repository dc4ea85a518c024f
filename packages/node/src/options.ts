import { resolve } from "node:path";
import { MEMBERS_MAX, isMemberName } from "@raftkv/protocol";
import { parseFsmSyncMode } from "@raftkv/store";
import { openConfigFile } from "./config-file.js";
import { HOST_PORT_ALLOWED, formatHostPort, isLoopback, isWildcard, parseHostPort } from "./host-port.js";
import type { HostPort } from "./host-port.js";
import { knobAllowed, parseKnob } from "./knob.js";
import { KNOBS } from "./knobs.js";
import type { KnobName, KnobValues } from "./knobs.js";
import { LOG_LEVELS } from "./log-levels.js";
import type { LogLevel } from "./log-levels.js";
import { ConfigurationError, Settings } from "./settings.js";
import type { Environment, RawNodeOptions } from "./settings.js";

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

const NAME_ALLOWED =
  "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or a digit";
export const MEMBERS_ALLOWED =
  `NAME=HOST:PORT,… for at most ${MEMBERS_MAX} members with each name and each address once, as in n1=127.0.0.1:7501,n2=127.0.0.1:7502; ` +
  "NAME=HOST:PORT/witness for a witness, of which there are fewer than half";
const WITNESS_SUFFIX = "/witness";

function parseName(text: string): string | null {
  return isMemberName(text) ? text : null;
}

/** Null when it is none; see `MEMBERS_ALLOWED`. */
export function parseMembers(text: string): readonly InitialMember[] | null {
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
  if (members.length > MEMBERS_MAX) return null;
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
    throw new ConfigurationError(
      settings.nameOf("join"),
      "true",
      "given without --init: it is one or the other",
    );
  if (init) return "init";
  return join ? "join" : "resume";
}

/** The others connect to what stands in the list, so this node must stand there as it advertises itself. */
function checkOwnEntry(
  settings: Settings,
  name: string,
  advertisePeer: HostPort,
  members: readonly InitialMember[],
): void {
  const own = members.find((member) => member.name === name);
  const wanted = `${name}=${formatHostPort(advertisePeer)}`;
  if (own !== undefined && formatHostPort(own) === formatHostPort(advertisePeer)) return;
  const listed = members.map((member) => `${member.name}=${formatHostPort(member)}`).join(",");
  throw new ConfigurationError(
    settings.nameOf("initialCluster"),
    listed,
    `a list with this node as it advertises itself, ${wanted}`,
  );
}

/** What the others take this node for must be what it is. */
function checkWitness(
  settings: Settings,
  name: string,
  witness: boolean,
  members: readonly InitialMember[],
): void {
  const own = members.find((member) => member.name === name);
  if (own === undefined || own.witness === witness) return;
  throw new ConfigurationError(
    settings.nameOf("witness"),
    String(witness),
    `${own.witness}, as in the entry of ${name} in --initial-cluster, which ${own.witness ? "ends" : "does not end"} with ${WITNESS_SUFFIX}`,
  );
}

/**
 * Validates what the command line, the environment and the configuration file say, of which the first that says anything
 * about a setting counts.
 * @throws {ConfigurationError} names the flag, variable or place in the file, its value, and what is allowed.
 * @throws {BadFsmSyncModeError} `FSM_SYNC_MODE` is neither `sync` nor `nosync`.
 */
export function parseNodeOptions(raw: RawNodeOptions, environment: Environment): NodeOptions {
  const file = openConfigFile(raw.config, environment["RAFTKV_CONFIG"]);
  return readNodeOptions(new Settings(raw, environment, file));
}

export function readNodeOptions(settings: Settings): NodeOptions {
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
  if (start === "init" && initialCluster.length === 0) {
    throw new ConfigurationError("--initial-cluster", null, MEMBERS_ALLOWED);
  }
  const witness = settings.isOn("witness");
  checkWitness(settings, name, witness, initialCluster);
  if (start === "init") checkOwnEntry(settings, name, addresses.advertisePeer, initialCluster);
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
