import { compareBytes } from "./bytes.js";
import type { Catalog, Route } from "./catalog.js";
import type { RouteChange } from "./command.js";
import { isEmptyRange, rangesIntersect } from "./key-range.js";
import type { KeyRange } from "@raftkv/store";
import { refused } from "./result.js";
import type { Refused } from "./result.js";

/** What is wrong with the routes of a catalog as it is to be; null when they hold every key exactly once, in order. */
export function routesProblem(routes: readonly RouteChange[]): string | null {
  let next: Uint8Array | null = new Uint8Array();
  const ids = new Set<number>();
  for (const { routeId, start, end, groupId } of routes) {
    if (next === null) return "a route follows the one that has no end";
    if (compareBytes(start, next) !== 0) return "a route begins elsewhere than where the one before ends";
    if (isEmptyRange({ start, end })) return "a route ends where it begins, or before";
    if (groupId < 1) return "a route names no group";
    if (routeId !== 0 && ids.has(routeId)) return `route ${routeId} stands there twice`;
    ids.add(routeId);
    next = end;
  }
  return next === null ? null : "the last route has an end";
}

/**
 * The catalog after a change: one version higher, and so is each route that changed; new ones get the next ids. Of two
 * changes that expect the same version, the one that comes first in the log is made.
 */
export function changedCatalog(
  catalog: Catalog,
  change: { readonly expectedVersion: number; readonly routes: readonly RouteChange[] },
): Catalog | Refused {
  const { version } = catalog;
  if (change.expectedVersion !== version) return refused("CATALOG_VERSION_CONFLICT", { version });
  if (routesProblem(change.routes) !== null) return refused("INVALID_ARGUMENT");
  const before = new Map(catalog.routes.map((route) => [route.routeId, route]));
  const routes: Route[] = [];
  let { nextRouteId } = catalog;
  for (const { routeId, start, end, groupId } of change.routes) {
    // Kept for as long as the catalog, longer than the entry's bytes.
    const keys = { start: Uint8Array.from(start), end: end === null ? null : Uint8Array.from(end) };
    const route = before.get(routeId);
    if (routeId === 0) {
      routes.push({ routeId: nextRouteId, ...keys, groupId, version: 1 });
      nextRouteId += 1;
    } else if (route === undefined) return refused("INVALID_ARGUMENT", { routeId });
    else if (isSameRoute(route, { start, end, groupId })) routes.push(route);
    else routes.push({ routeId, ...keys, groupId, version: route.version + 1 });
  }
  return { version: version + 1, nextRouteId, routes };
}

/** Null when every key of `range` belongs to the group; otherwise who has the first one that does not. */
export function wrongRoute(catalog: Catalog, groupId: number, range: KeyRange): Refused | null {
  for (const route of catalog.routes) {
    if (route.groupId === groupId || !rangesIntersect(route, range)) continue;
    return refused("WRONG_ROUTE", { catalogVersion: catalog.version, group: route.groupId });
  }
  return null;
}

/** Whether no key needs to be looked at: the group has them all. */
export function ownsAllKeys(catalog: Catalog, groupId: number): boolean {
  return catalog.routes.every((route) => route.groupId === groupId);
}

function isSameRoute(
  route: Route,
  change: { readonly start: Uint8Array; readonly end: Uint8Array | null; readonly groupId: number },
): boolean {
  const { start, end, groupId } = change;
  const sameEnd = route.end === null || end === null ? route.end === end : compareBytes(route.end, end) === 0;
  return route.groupId === groupId && compareBytes(route.start, start) === 0 && sameEnd;
}
