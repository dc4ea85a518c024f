import type { ReadStream, WriteStream } from "node:tty";
import type { ViewSize } from "./view.js";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const END_OF_LINE = "\u001b[K\r\n";
const REST_OF_SCREEN = "\u001b[K\u001b[J";
/** q, Ctrl-C, Ctrl-D: in raw mode these are keys as any other. */
const QUITS = ["q", "Q", "\u0003", "\u0004"];

export type ScreenOutput = Pick<WriteStream, "write"> &
  Partial<Pick<WriteStream, "columns" | "rows" | "on" | "off">>;
export type ScreenInput = Pick<ReadStream, "on" | "off" | "setRawMode" | "resume" | "pause">;

/**
 * The terminal's other screen, which leaves what was there before untouched. `close` gives the terminal back as it was, and
 * so does the end of the process.
 */
export class Screen {
  readonly #out: ScreenOutput;
  readonly #input: ScreenInput | null;
  readonly #onResize: () => void;
  readonly #onKeys: (bytes: Buffer | string) => void;
  readonly #onSignal: () => void;
  readonly #onExit: () => void;
  #open = true;

  /** @param input where keys come from; null when nobody can press any, and only signals end it. */
  constructor(
    out: ScreenOutput,
    input: ScreenInput | null,
    handlers: { readonly onQuit: () => void; readonly onResize: () => void },
  ) {
    this.#out = out;
    this.#input = input;
    this.#onResize = handlers.onResize;
    this.#onSignal = handlers.onQuit;
    this.#onExit = () => this.close();
    this.#onKeys = (bytes) => {
      const keys = bytes.toString();
      if (QUITS.some((key) => keys.includes(key))) handlers.onQuit();
    };
    out.write(ENTER);
    out.on?.("resize", this.#onResize);
    input?.setRawMode(true);
    input?.on("data", this.#onKeys);
    input?.resume();
    process.on("exit", this.#onExit);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, this.#onSignal);
  }

  /** As the terminal says now. */
  get size(): ViewSize {
    return { columns: this.#out.columns ?? 80, rows: this.#out.rows ?? 24 };
  }

  /** In one piece, over what is there: nothing flickers. */
  draw(lines: readonly string[]): void {
    if (this.#open) this.#out.write(HOME + lines.join(END_OF_LINE) + REST_OF_SCREEN);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#out.off?.("resize", this.#onResize);
    this.#input?.off("data", this.#onKeys);
    this.#input?.setRawMode(false);
    this.#input?.pause();
    process.off("exit", this.#onExit);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, this.#onSignal);
    this.#out.write(LEAVE);
  }
}
