import { invariant } from "@raftkv/store";
import type { Store } from "@raftkv/store";
import { CatalogFormatError } from "./errors.js";

/** A range of keys, [start, end), and the group that holds it. */
export interface Route {
  readonly routeId: number;
  readonly start: Uint8Array;
  /** Null: up to the last key there is. */
  readonly end: Uint8Array | null;
  readonly groupId: number;
  /** Counts the changes of this route, from 1. */
  readonly version: number;
}

/** Who holds which keys. */
export interface Catalog {
  /** Counts the changes of the catalog, from 1. A change names the version that it expects. */
  readonly version: number;
  readonly nextRouteId: number;
  /** In the order of their keys. */
  readonly routes: readonly Route[];
}

/** Its name in the store's small state. */
export const CATALOG_STATE = "catalog";
/** The first catalog takes this revision on every node, so the first put has 2, as in etcd. */
export const CATALOG_REVISION = 1;

/** One route, everything to group 1. */
export const FIRST_CATALOG: Catalog = {
  version: 1,
  nextRouteId: 2,
  routes: [{ routeId: 1, start: new Uint8Array(), end: null, groupId: 1, version: 1 }],
};

/**
 * Gives a new store its first catalog: to be called before a group is attached. The same bytes on every node; does
 * nothing when a catalog is there. When it resolves, the catalog survives a power loss (S6).
 */
export async function bootstrapCatalog(store: Store): Promise<void> {
  if (store.state(CATALOG_STATE) !== null) return;
  invariant(store.revision === CATALOG_REVISION - 1, "only an empty store has no catalog");
  const { revision } = await store.applyMutations([
    { kind: "setState", name: CATALOG_STATE, value: encodeCatalog(FIRST_CATALOG) },
  ]);
  invariant(revision === CATALOG_REVISION, "the first catalog has the revision that is reserved for it");
}

/**
 * The catalog of a store; null before its bootstrap.
 * @throws {CatalogFormatError} the bytes are none.
 */
export function readCatalog(store: Store): Catalog | null {
  const bytes = store.state(CATALOG_STATE);
  return bytes === null ? null : decodeCatalog(bytes);
}

/** JSON in ASCII, without spaces, its fields in the order of the types above; keys as hex digits. */
export function encodeCatalog(catalog: Catalog): Uint8Array {
  const text = JSON.stringify({
    version: catalog.version,
    nextRouteId: catalog.nextRouteId,
    routes: catalog.routes.map((route) => ({
      routeId: route.routeId,
      start: toHex(route.start),
      end: route.end === null ? null : toHex(route.end),
      groupId: route.groupId,
      version: route.version,
    })),
  });
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function decodeCatalog(bytes: Uint8Array): Catalog {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CatalogFormatError(`the catalog is no JSON: ${text.slice(0, 80)}`, { cause });
  }
  const { version, nextRouteId, routes } = fieldsOf(value);
  if (!Array.isArray(routes)) throw new CatalogFormatError("the catalog has no list of routes");
  return {
    version: count(version, "version"),
    nextRouteId: count(nextRouteId, "nextRouteId"),
    routes: routes.map(decodeRoute),
  };
}

function decodeRoute(value: unknown): Route {
  const { routeId, start, end, groupId, version } = fieldsOf(value);
  return {
    routeId: count(routeId, "routeId"),
    start: fromHex(start),
    end: end === null ? null : fromHex(end),
    groupId: count(groupId, "groupId"),
    version: count(version, "version"),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new CatalogFormatError(`the catalog has ${JSON.stringify(value)} where fields are expected`);
}

function count(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new CatalogFormatError(
    `${field} in the catalog is ${JSON.stringify(value)}, expected a number from 1`,
  );
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(value: unknown): Uint8Array {
  if (typeof value !== "string" || !/^(?:[0-9a-f]{2})*$/.test(value)) {
    throw new CatalogFormatError(`a key in the catalog is ${JSON.stringify(value)}, expected hex digits`);
  }
  return Uint8Array.from({ length: value.length / 2 }, (_, i) =>
    Number.parseInt(value.slice(2 * i, 2 * i + 2), 16),
  );
}
