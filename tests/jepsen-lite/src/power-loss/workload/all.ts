import type { Generator } from "./generator.js";
import { ExactlyOnce } from "./exactly-once.js";
import { History } from "./history.js";
import { Leases } from "./leases.js";
import { OwnedGroups } from "./owned-groups.js";
import { OwnedKeys } from "./owned-keys.js";

/** The mixed load of one cluster's life. */
export function allGenerators(): Generator[] {
  return [
    new OwnedKeys({ name: "new", writers: 48, keys: null, valueBytes: [8, 300], deletes: 0, reads: 0 }),
    new OwnedKeys({ name: "hot", writers: 8, keys: 4, valueBytes: [4, 120], deletes: 0.2, reads: 0.2 }),
    new OwnedKeys({
      name: "large",
      writers: 2,
      keys: 8,
      valueBytes: [2_000, 200_000],
      deletes: 0.1,
      reads: 0.1,
    }),
    new OwnedGroups(),
    new ExactlyOnce(),
    new Leases(),
    new History(),
  ];
}
