import { corrupt, replace } from "./corrupt.js";
import { diskFull } from "./disk-full.js";
import { flaky, partition, slow } from "./links.js";
import { leases } from "./leases.js";
import { member } from "./member.js";
import type { Nemesis } from "./nemesis.js";
import { powerLoss } from "./power-loss.js";
import { kill, restart, stop } from "./processes.js";
import { stall } from "./stall.js";
import { transfer } from "./transfer.js";

export const NEMESES: readonly Nemesis[] = [
  kill,
  stop,
  partition,
  slow,
  flaky,
  restart,
  corrupt,
  powerLoss,
  transfer,
  diskFull,
  member,
  replace,
  stall,
  leases,
];
