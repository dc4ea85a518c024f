import { Readable, Writable } from "node:stream";
import { runCommandLine } from "../../dist/command-line.js";

/** What a command line ended with and printed. */
export interface Captured {
  readonly code: number;
  readonly out: Buffer;
  readonly err: string;
}

export interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: Buffer;
  readonly isTTY?: boolean;
}

class Sink extends Writable {
  readonly isTTY: boolean;
  readonly #chunks: Buffer[] = [];

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Runs a command line in this process, with nothing of this process's own surroundings. */
export async function raftkv(args: readonly string[], world: World = {}): Promise<Captured> {
  const out = new Sink(world.isTTY ?? false);
  const err = new Sink(world.isTTY ?? false);
  const code = await runCommandLine(args, {
    out,
    err,
    input: Readable.from(world.input === undefined ? [] : [world.input]),
    env: world.env ?? {},
    cwd: world.cwd ?? "/",
    commandName: "raftkv",
  });
  return { code, out: out.bytes(), err: err.bytes().toString() };
}
