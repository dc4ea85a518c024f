/** Clusters of real node processes on this machine, for tests, benchmarks and tools. The command is `bin/raftkv.cjs`. */
export { EXIT, EXIT_MEANINGS } from "./exit-codes.js";
export type { ExitCode } from "./exit-codes.js";
export { CliError } from "./errors.js";
export { findCluster, readCluster } from "./cluster/directory.js";
export type { ClusterNode, ClusterState } from "./cluster/directory.js";
export type { ClusterWish } from "./cluster/plan.js";
export { probeReady, probeStatus } from "./cluster/probe.js";
export type { Probe } from "./cluster/probe.js";
export { killNode } from "./cluster/kill.js";
export { isRunning } from "./cluster/running.js";
export { startCluster, startNode, waitUntilServing } from "./cluster/start.js";
export type { StartedCluster } from "./cluster/start.js";
export type { StartedNode } from "./cluster/spawn.js";
export { stopNodes } from "./cluster/stop.js";
export type { StopResult } from "./cluster/stop.js";
