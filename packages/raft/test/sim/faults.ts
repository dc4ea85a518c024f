/**
 * Every kind of fault, and what counts as one of it. A run over many seeds fails when one came too seldom.
 * The order is that of the report.
 */
export const FAULTS = {
  loss: "a message is lost",
  duplicate: "a message arrives twice",
  reorder: "a message overtakes an earlier one of its link",
  delay: "a message is late by 10 to 200 times the usual",
  replay: "a message that was delivered long ago comes again",
  oneWayCut: "a link is cut in one direction",
  halves: "a partition in two parts",
  isolateLeader: "the leader is cut off from everyone",
  ring: "everyone reaches its two neighbours only",
  bridge: "two halves that share one server",
  slowLink: "a link is slower by 10 to 100 times for a while",
  dropNotice: "a server is told that a connection dropped",
  wrongDropNotice: "a server is told that a connection dropped that did not",
  wrongLossNotice: "a server is told that what it sent may be lost",
  kill: "a process is killed; what it had written and not synced may be seen by the next one",
  powerLoss: "a server loses power, and everything that was not synced",
  powerLossAll: "all servers lose power in the same instant",
  latePowerLoss: "a process is killed, and power is lost before the next one has synced what it found (W11)",
  lostWrite: "a write that was handed to the disk is gone after a crash",
  pause: "a process stands still and goes on",
  isolatedPause: "the leader stands still and is cut off, and goes on before it is joined again",
  drift: "a server's clock runs up to 10 % fast or slow",
  slowDisk: "a disk is 10 to 100 times slower for a while",
  syncFailure: "an fsync fails, and the server dies of it (W1)",
  clientLoss: "a client's request or its answer is lost",
} as const satisfies Readonly<Record<string, string>>;

export type Fault = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

/** Faults that follow from others, and cannot be switched off by themselves. */
export const CONSEQUENCES: readonly Fault[] = ["lostWrite", "dropNotice"];

export function isFault(name: string): name is Fault {
  return Object.hasOwn(FAULTS, name);
}
