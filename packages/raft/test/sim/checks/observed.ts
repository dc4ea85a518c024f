import type {
  LogBase,
  Message,
  Raft,
  RaftEvent,
  RaftStatus,
  ReadGrant,
  Ready,
  Rejection,
  ServerId,
} from "../../../dist/core/index.js";
import type { LogWrite, Recovered } from "../durable-log.js";
import type { Command, EntryLog, SimEntry } from "../entry.js";
import type { Machine } from "../machine.js";

/** What the checks see of a server. */
export interface Observed {
  readonly number: number;
  readonly id: ServerId;
  readonly bootEpoch: number;
  /** As its process holds it; may run ahead of the disk. */
  readonly memory: EntryLog;
  /** As any power loss would leave it. */
  readonly durable: Recovered;
  readonly core: Raft<Command> | null;
  /** After the last step; null while no process runs. */
  readonly status: RaftStatus | null;
  readonly machine: Machine;
  readonly isWitness: boolean;
  readonly priority: number;
  readonly clockMicros: number;
}

/** The moments at which a server is looked at. */
export interface Observer {
  /** The largest index that is known to be committed anywhere. */
  readonly committedIndex: number;
  started(server: Observed, status: RaftStatus, recovered: Recovered): void;
  crashed(server: Observed): void;
  turnBegins(server: Observed, status: RaftStatus): void;
  stepped(server: Observed, event: RaftEvent<Command>, before: RaftStatus, after: RaftStatus): void;
  /** A Ready was taken, its entries stand in memory, and nothing has been sent yet. */
  readied(server: Observed, ready: Ready<Command>): void;
  turnEnded(server: Observed, ready: Ready<Command> | null): void;
  rejected(server: Observed, rejection: Rejection<Command>): void;
  granted(server: Observed, grant: ReadGrant): void;
  /** A read's value was read, and the core said whether it may be answered. */
  answersRead(server: Observed, grant: ReadGrant, holds: boolean): void;
  /** A witness is told how far it may compact. */
  compactable(server: Observed, index: number): void;
  /** The core named the base at an index, for a snapshot or a compaction. */
  named(server: Observed, base: LogBase): void;
  /** The core takes in chunks of a snapshot that `from` began to send in `term`. */
  expected(server: Observed, from: ServerId, term: number): void;
  /** A message leaves the process. */
  leaves(server: Observed, message: Message): void;
  /** A write is about to become durable. */
  folding(server: Observed, durable: Recovered, write: LogWrite): void;
  applied(server: Observed, entry: SimEntry, tookEffect: boolean): void;
}
