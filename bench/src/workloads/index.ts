import { append } from "./append.js";
import { gets } from "./get.js";
import { mixed } from "./mixed.js";
import { open } from "./open.js";
import { puts } from "./put.js";
import { range } from "./range.js";
import { watch } from "./watch.js";
import type { Workload } from "./workload.js";

/** In the order in which each cluster gets them. */
export const WORKLOADS: readonly Workload[] = [...puts, open, ...gets, mixed, range, watch, append];
