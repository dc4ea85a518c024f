import type { RequestRefusal } from "../group/log-proposal.js";
import { unavailable } from "../group/refusals.js";

/** Why a node serves no watch; null when it does. While a snapshot is being installed it does: the watch waits for that. */
export function noWatches(
  serving: { readonly group: { readonly hasData: boolean } } | null,
  whyNot: () => string,
): RequestRefusal | null {
  if (serving === null) return unavailable(whyNot());
  return serving.group.hasData ? null : unavailable("this node is a witness: it has no data");
}
