import type { encodeFrame, LogWriter } from "raft-ts";
import type { BatchEncoder } from "../../dist/wal/batch-encoder.js";
import type { encodeHardState } from "../../dist/wal/record.js";

export type { Frame } from "raft-ts";
export type EncodeFrame = typeof encodeFrame;

/** The log under test: the real one, or a copy that was broken on purpose. */
export interface WalModule {
  readonly LogWriter: typeof LogWriter;
  readonly encodeFrame: EncodeFrame;
  /** To write by hand what the log must not take for its own. */
  readonly BatchEncoder: typeof BatchEncoder;
  readonly encodeHardState: typeof encodeHardState;
}

/** Where the real one is compiled to, seen from `dist-test/sim`. */
export const REAL_WAL = new URL("../../dist/", import.meta.url).href;

/** `folder` is the URL of what `src` is compiled to, with a slash at its end. */
export async function loadWal(folder: string): Promise<WalModule> {
  const load = async (path: string): Promise<object> => (await import(new URL(path, folder).href)) as object;
  const [writer, frame, encoder, record] = await Promise.all(
    ["wal/writer.js", "frame.js", "wal/batch-encoder.js", "wal/record.js"].map(load),
  );
  return { ...writer, ...frame, ...encoder, ...record } as WalModule;
}
