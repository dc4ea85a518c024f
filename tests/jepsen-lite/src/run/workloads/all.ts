import { append } from "./append.js";
import { appender } from "./appender.js";
import { bank } from "./bank.js";
import { counter } from "./counter.js";
import { lease } from "./lease.js";
import { lock } from "./lock.js";
import { register } from "./register.js";
import { set } from "./set.js";
import { watch } from "./watch.js";
import type { Workload } from "./workload.js";

export const WORKLOADS: readonly Workload[] = [
  register,
  append,
  bank,
  set,
  counter,
  appender,
  lease,
  lock,
  watch,
];
