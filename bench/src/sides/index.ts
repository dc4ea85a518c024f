import { echo } from "./echo.js";
import { etcd } from "./etcd.js";
import { nats } from "./nats.js";
import { raftkv } from "./raftkv.js";
import type { Side, SideName } from "./side.js";

export const SIDES: Readonly<Record<SideName, Side>> = { raftkv, etcd, nats, echo };
/** Those that --peers can name. */
export const PEERS: readonly SideName[] = ["etcd", "nats"];
