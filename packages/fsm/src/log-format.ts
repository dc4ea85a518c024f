import type { Command } from "./command.js";
import { NewerFormatError } from "./errors.js";

/**
 * Formats of the log: each has what the one before has, and something more that older versions of this program do not
 * understand. A command carries the lowest one that has it. A leader proposes nothing of a format above the one in force, the setting
 * `logFormat`, and raises that only once every member understands what comes then: so nodes are upgraded one by one.
 *
 * - 1: the kinds 1 to 13, the settings 1 to 10.
 * - 2: the kind 14, `hashCheck`; the setting 11, `logFormat`.
 * - 3: configurations with leader leases. Their entries are none of the state machine's, and carry no format; but members of an older
 *   version would forget over a restart what they promised (R8, R19).
 */
export const LOG_FORMAT = 3;
/** What every version understands, and one that says nothing of it. */
export const LOG_FORMAT_BASE = 1;

/** The lowest format that has this command. */
export function formatOf(command: Command): number {
  switch (command.kind) {
    case "hashCheck":
      return 2;
    case "settingsChange":
      // Who does not understand what comes then must not take part from here on.
      return command.settings.logFormat ?? LOG_FORMAT_BASE;
    default:
      return LOG_FORMAT_BASE;
  }
}

/**
 * Looks at the body of an entry before anything is done with it.
 * @throws {NewerFormatError} it is of a format that is not known here.
 */
export function demandKnownFormat(body: Uint8Array, known: number = LOG_FORMAT): void {
  const format = body[0] ?? 0;
  if (format > known) throw new NewerFormatError("an entry of the log", { format, known });
}
