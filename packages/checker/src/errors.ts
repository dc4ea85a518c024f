/**
 * A history that cannot be judged, because it is not one: a line that does not parse, an operation that returned
 * before it was called, an answer without the field that its kind tells.
 */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
  readonly code = "BAD_HISTORY";
  /** The line of a text or the position in an array, from 1; null when no single one is to blame. */
  readonly at: number | null;
  /** The message without the place. */
  readonly what: string;

  constructor(what: string, at: number | null) {
    super(at === null ? what : `entry ${at}: ${what}`);
    this.at = at;
    this.what = what;
  }
}
