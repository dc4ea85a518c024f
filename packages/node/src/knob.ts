export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const HOUR_MS = 3_600_000;

/** One number that may be set: as `--tick-ms 10`, or as RAFTKV_TICK_MS=10 where the flag is absent. */
export interface Knob {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Bytes may be written with a unit: `64MiB`. */
  readonly unit: "ms" | "bytes" | "count";
  readonly description: string;
}

const BYTE_UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, kib: KIB, mib: MIB, gib: GIB };

/** What a knob takes, in the words of an error message. */
export function knobAllowed(knob: Knob): string {
  const range = `from ${knob.min} to ${knob.max}`;
  if (knob.unit === "bytes") return `a number of bytes ${range}, KiB, MiB and GiB allowed, as in 64MiB`;
  return knob.unit === "ms" ? `a whole number of milliseconds ${range}` : `a whole number ${range}`;
}

/** Returns null when the text is not one of what `knobAllowed` says. */
export function parseKnob(knob: Knob, text: string): number | null {
  const match = /^(\d{1,15})\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return null;
  const [, digits = "", unit = ""] = match;
  const factor = knob.unit === "bytes" ? BYTE_UNITS[unit.toLowerCase()] : unit === "" ? 1 : undefined;
  if (factor === undefined) return null;
  const value = Number(digits) * factor;
  return value >= knob.min && value <= knob.max ? value : null;
}
