import { marginOf } from "./leader-leases.js";
import { TTL_MS_MAX } from "./limits.js";
import type { Limits } from "./limits.js";
import { membersChangeOf, transferTargetOf } from "./members.js";
import { describe } from "./msgpack.js";
import {
  Op,
  WATCH_NO_DELETE,
  WATCH_NO_PUT,
  WATCH_PROGRESS,
  WATCH_WANTS_PREVIOUS,
  WRITE_WANTS_PREVIOUS,
} from "./op.js";
import { RequestFault, wantArray, wantBytes, wantCount, wantId, wantTuple } from "./request-fault.js";
import type { ClientRequest, RouteChange, WatchRequest } from "./request.js";
import { TxnReader, selectionFromWire, wantKey, wantRange } from "./transaction-decode.js";

/** How many fields a request with an operation has, number, operation and deadline included. By operation. */
export const FIELDS: readonly (number | undefined)[] = [
  undefined, // no operation is 0
  7, // put
  6, // get
  6, // delete
  14, // range
  7, // txn
  4, // leaseGrant
  4, // leaseRevoke
  4, // leaseKeepAlive
  5, // leaseTimeToLive
  3, // leaseList
  4, // sessionOpen
  3, // sessionClose
  3, // sessionKeepAlive
  4, // compact
  3, // catalog
  5, // catalogChange
  8, // watch
  4, // watchCancel
  4, // memberList
  8, // memberChange
  4, // leaderTransfer
  3, // leaderLeasesShow
  4, // leaderLeasesSet
];

interface Head {
  readonly requestId: number;
  readonly op: Op;
  readonly deadlineMs: number;
}

/**
 * Reads what is behind the first three fields. `fields` are as many as FIELDS says.
 * @throws {RequestFault}
 */
export function toBody(
  { requestId, op, deadlineMs }: Head,
  fields: readonly unknown[],
  limits: Limits,
  operations: { left: number },
): ClientRequest {
  const head = { requestId, deadlineMs };
  switch (op) {
    case Op.put:
      return {
        ...head,
        op,
        key: wantKey(fields[3], limits),
        value: wantBytes(fields[4], "value", limits.valueBytes),
        lease: wantCount(fields[5], "the lease"),
        wantPrevious: wantCount(fields[6], "the flags", WRITE_WANTS_PREVIOUS) === WRITE_WANTS_PREVIOUS,
      };
    case Op.get: {
      const key = wantKey(fields[3], limits);
      const linearizable = wantConsistency(fields[4]);
      return { ...head, op, key, linearizable, revision: wantCount(fields[5], "the revision") };
    }
    case Op.delete: {
      const range = wantRange(fields[3], fields[4], limits);
      const flags = wantCount(fields[5], "the flags", WRITE_WANTS_PREVIOUS);
      return { ...head, op, range, wantPrevious: flags === WRITE_WANTS_PREVIOUS };
    }
    case Op.range: {
      const range = wantRange(fields[3], fields[4], limits);
      const linearizable = wantConsistency(fields[5]);
      const revision = wantCount(fields[6], "the revision");
      return { ...head, op, linearizable, revision, ...selectionFromWire(range, fields, 7) };
    }
    case Op.txn: {
      const predecessor = wantCount(fields[3], "the predecessor");
      if (predecessor >= requestId) {
        throw new RequestFault(`the predecessor is ${predecessor}: a number below ${requestId} is wanted`);
      }
      const reader = new TxnReader(limits, operations);
      return { ...head, op, predecessor, ...reader.read(fields, 4) };
    }
    case Op.leaseGrant:
    case Op.sessionOpen:
      return { ...head, op, ttlMs: wantId(fields[3], "the time to live", TTL_MS_MAX) };
    case Op.leaseRevoke:
      return { ...head, op, lease: wantId(fields[3], "the lease") };
    case Op.leaseKeepAlive: {
      const leases = countedList(fields[3], "leases", limits, operations);
      return { ...head, op, leases: leases.map((lease) => wantId(lease, "a lease")) };
    }
    case Op.leaseTimeToLive: {
      const withKeys = fields[4];
      if (typeof withKeys !== "boolean") {
        throw new RequestFault(`whether keys are wanted is ${describe(withKeys)}: a boolean is wanted`);
      }
      return { ...head, op, lease: wantId(fields[3], "the lease"), withKeys };
    }
    case Op.compact:
      return { ...head, op, revision: wantId(fields[3], "the revision") };
    case Op.catalogChange: {
      const expectedVersion = wantCount(fields[3], "the expected version");
      const routes = countedList(fields[4], "routes", limits, operations);
      return { ...head, op, expectedVersion, routes: routes.map((route) => toRoute(route, limits)) };
    }
    case Op.watch:
      return { ...head, op, ...toWatch(fields, limits) };
    case Op.watchCancel:
      return { ...head, op, watchId: wantCount(fields[3], "the watch") };
    case Op.memberList:
      return { ...head, op, linearizable: wantConsistency(fields[3]) };
    case Op.memberChange:
      return { ...head, op, change: membersChangeOf(fields) };
    case Op.leaderTransfer:
      return { ...head, op, to: transferTargetOf(fields) };
    case Op.leaderLeasesSet:
      return { ...head, op, marginPercent: marginOf(fields) };
    case Op.leaderLeasesShow:
    case Op.leaseList:
    case Op.sessionClose:
    case Op.sessionKeepAlive:
    case Op.catalog:
      return { ...head, op };
  }
}

function wantConsistency(value: unknown): boolean {
  if (value === 0 || value === 1) return value === 0;
  throw new RequestFault(`the consistency is ${describe(value)}: 0 (linearizable) or 1 (serializable)`);
}

/** A list whose elements count as operations. */
function countedList(
  value: unknown,
  name: "leases" | "routes",
  limits: Limits,
  operations: { left: number },
): readonly unknown[] {
  const items = wantArray(value, `the ${name}`);
  const limit = limits.operationsInTxn;
  if (items.length > limit) {
    throw new RequestFault(`the request has ${items.length} ${name}, the cluster takes ${limit}`, { limit });
  }
  operations.left -= items.length;
  return items;
}

function toRoute(value: unknown, limits: Limits): RouteChange {
  const [routeId, start, end, groupId] = wantTuple(value, 4, "a route");
  return {
    routeId: wantCount(routeId, "a route's id"),
    start: wantKey(start, limits),
    end: end === null ? null : wantKey(end, limits),
    groupId: wantId(groupId, "a route's group"),
  };
}

function toWatch(
  fields: readonly unknown[],
  limits: Limits,
): Omit<WatchRequest, "requestId" | "op" | "deadlineMs"> {
  const all = WATCH_WANTS_PREVIOUS + WATCH_NO_PUT + WATCH_NO_DELETE + WATCH_PROGRESS;
  const flags = wantCount(fields[7], "the flags", all);
  const noPut = (flags & WATCH_NO_PUT) !== 0;
  const noDelete = (flags & WATCH_NO_DELETE) !== 0;
  if (noPut && noDelete) throw new RequestFault("a watch of neither puts nor deletes sees nothing");
  return {
    watchId: wantCount(fields[3], "the watch"),
    range: wantRange(fields[4], fields[5], limits),
    fromRevision: wantCount(fields[6], "the revision to begin at"),
    wantPrevious: (flags & WATCH_WANTS_PREVIOUS) !== 0,
    noPut,
    noDelete,
    progress: (flags & WATCH_PROGRESS) !== 0,
  };
}
