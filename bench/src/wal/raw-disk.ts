import { close, fdatasync, open, write } from "node:fs";
import { promisify } from "node:util";

const MIB = 1024 * 1024;
const FILE_BYTES = 64 * MIB;
/** As the log's largest batch. */
const WRITE_BYTES_MAX = 4 * MIB;

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

/** What the disk gives a program that does nothing else: one write, one sync, over and over, on a file of zeros. */
export interface RawFigures {
  readonly entriesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Each write holds as many entries as are in flight, bare: no header, no checksum, nothing is encoded. */
export async function measureRaw(
  path: string,
  {
    entryBytes,
    inFlight,
    seconds,
  }: { readonly entryBytes: number; readonly inFlight: number; readonly seconds: number },
): Promise<RawFigures> {
  const count = Math.max(1, Math.min(inFlight, Math.floor(WRITE_BYTES_MAX / entryBytes)));
  const batch = Buffer.alloc(count * entryBytes, "r");
  const file = await openFile(path, "w");
  try {
    for (let at = 0; at < FILE_BYTES; at += MIB) await writeAt(file, Buffer.alloc(MIB), at);
    await syncFile(file);
    const begin = performance.now();
    let batches = 0;
    let offset = 0;
    while (performance.now() - begin < seconds * 1000) {
      await new Promise<void>((resolve, reject) => {
        write(file, batch, 0, batch.length, offset, (writeError) => {
          if (writeError !== null) reject(writeError);
          else fdatasync(file, (syncError) => (syncError === null ? resolve() : reject(syncError)));
        });
      });
      batches += 1;
      offset = offset + 2 * batch.length > FILE_BYTES ? 0 : offset + batch.length;
    }
    const passed = (performance.now() - begin) / 1000;
    return {
      entriesPerSecond: (batches * count) / passed,
      bytesPerSecond: (batches * batch.length) / passed,
    };
  } finally {
    await closeFile(file);
  }
}

function writeAt(file: number, bytes: Buffer, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(file, bytes, 0, bytes.length, offset, (error) => (error === null ? resolve() : reject(error)));
  });
}
