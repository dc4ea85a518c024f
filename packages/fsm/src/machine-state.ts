import { CATALOG_STATE, FIRST_CATALOG, decodeCatalog, encodeCatalog } from "./catalog.js";
import type { Catalog } from "./catalog.js";
import { ownsAllKeys } from "./catalog-change.js";
import { SLICE_BYTES } from "./items-sample.js";
import { Leases } from "./leases.js";
import { LOG_FORMAT } from "./log-format.js";
import { Sessions } from "./sessions.js";
import { DEFAULT_SETTINGS, readSettings, writeSettings } from "./settings.js";
import type { Settings } from "./settings.js";
import { decodePiece, encodePiece, pieceHead } from "./small-state.js";

const CLOCK_STATE = "clock";
const LEASES_STATE = "leases";
const SESSIONS_STATE = "sessions";
const SETTINGS_STATE = "settings";

/** What the state machine knows beside the keys: the same on every replica at one applied index (F3). */
export class MachineState {
  readonly sessions = new Sessions();
  readonly leases = new Leases();
  settings: Settings = DEFAULT_SETTINGS;
  /** The largest stamp that was applied (F5). */
  logTimeMs = 0;
  readonly #groupId: number;
  #catalog: Catalog;
  #ownsAllKeys: boolean;

  /**
   * From the pieces of a checkpoint, by their names; null is a piece that it does not have.
   * @throws {CatalogFormatError | SmallStateFormatError} a piece is none. @throws {NewerFormatError} of a newer version.
   */
  constructor(groupId: number, piece: (name: string) => Uint8Array | null, logFormat = LOG_FORMAT) {
    this.#groupId = groupId;
    const bytes = piece(CATALOG_STATE);
    this.#catalog = bytes === null ? FIRST_CATALOG : decodeCatalog(bytes);
    this.#ownsAllKeys = ownsAllKeys(this.#catalog, groupId);
    decodePiece(CLOCK_STATE, piece(CLOCK_STATE), (reader) => (this.logTimeMs = reader.varint()));
    decodePiece(LEASES_STATE, piece(LEASES_STATE), (reader) => this.leases.read(reader));
    decodePiece(SESSIONS_STATE, piece(SESSIONS_STATE), (reader) => this.sessions.read(reader));
    decodePiece(SETTINGS_STATE, piece(SETTINGS_STATE), (reader) => {
      this.settings = { ...DEFAULT_SETTINGS, ...readSettings(reader, logFormat) };
    });
  }

  get groupId(): number {
    return this.#groupId;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  set catalog(catalog: Catalog) {
    this.#catalog = catalog;
    this.#ownsAllKeys = ownsAllKeys(catalog, this.#groupId);
  }

  /** No route needs to be looked at: the group has every key. */
  get ownsAllKeys(): boolean {
    return this.#ownsAllKeys;
  }

  /** When the next lease or session falls due. */
  get nextDueMs(): number | null {
    const lease = this.leases.nextDueMs;
    const session = this.sessions.nextDueMs;
    return lease === null || session === null ? (lease ?? session) : Math.min(lease, session);
  }

  /** The first entry of a term: nobody could keep anything alive while there was no leader (F5). */
  renewAll(): void {
    this.leases.renewAll(this.logTimeMs);
    this.sessions.renewAll(this.logTimeMs);
  }

  /**
   * The pieces as of the call, for the checkpoint, slice by slice: the same bytes on every replica, at `sliceBytes` of leases
   * and sessions at a time, while entries go on being applied (C5). To be taken to the end.
   */
  encode(sliceBytes = SLICE_BYTES): Iterable<readonly [name: string, bytes: Uint8Array]> {
    return slicesOf([
      [CATALOG_STATE, [encodeCatalog(this.#catalog)]],
      [CLOCK_STATE, [encodePiece((writer) => writer.varint(this.logTimeMs))]],
      [LEASES_STATE, withHead(this.leases.slices(sliceBytes))],
      [SESSIONS_STATE, withHead(this.sessions.slices(sliceBytes))],
      [SETTINGS_STATE, [encodePiece((writer) => writeSettings(writer, this.settings))]],
    ]);
  }
}

function* withHead(slices: Iterable<Uint8Array>): Generator<Uint8Array, void, void> {
  yield pieceHead();
  yield* slices;
}

function* slicesOf(
  pieces: readonly (readonly [name: string, slices: Iterable<Uint8Array>])[],
): Generator<readonly [name: string, bytes: Uint8Array], void, void> {
  for (const [name, slices] of pieces) for (const slice of slices) yield [name, slice];
}
