import type { HistoryRecorder } from "@raftkv/checker";
import type { ServerId } from "../../dist/core/index.js";
import type { Context } from "./context.js";
import type { Action, Command } from "./entry.js";
import type { Random } from "./random.js";
import type { Answer, Request } from "./requests.js";

/** How a client reaches the servers. */
export interface Reach {
  /** Hands the request to a server that runs; to nobody when there is none. */
  readonly ask: (server: number, request: Request) => void;
  readonly serverNumbers: () => readonly number[];
  readonly numberOf: (id: ServerId) => number;
  readonly nextAttempt: () => number;
  readonly nextSession: () => number;
  readonly nextValue: () => number;
}

/** What an operation comes to: an answer, certainly nothing, or nobody knows (C1). */
type Ended = (answer: Answer | null, mayHaveHappened: boolean) => void;

interface Attempts {
  readonly make: (answer: (answer: Answer) => void) => Request;
  readonly ended: Ended;
  readonly deadline: number;
  /** An attempt that was not answered may be made again: a read, or a write within a session. */
  readonly isRepeatable: boolean;
  /** Some attempt may have had an effect that nobody was told of. */
  mayHaveHappened: boolean;
}

/** One client: one operation at a time, retried over servers as the rules allow, everything written down. */
export class SimClient {
  readonly #process: number;
  readonly #context: Context;
  readonly #history: HistoryRecorder;
  readonly #reach: Reach;
  readonly #random: Random;
  readonly #usesSessions: boolean;
  readonly #isPatient: boolean;
  #session = 0;
  #sequence = 0;
  #server: number;
  /** The last value that it saw for a key: what a compare-and-set expects. */
  readonly #seen = new Map<string, number | null>();

  /** `isPatient`: retries everything until it is answered. */
  constructor(
    process: number,
    context: Context,
    history: HistoryRecorder,
    reach: Reach,
    { isPatient }: { readonly isPatient: boolean },
  ) {
    this.#isPatient = isPatient;
    this.#process = process;
    this.#context = context;
    this.#history = history;
    this.#reach = reach;
    this.#random = context.random(`client ${process}`);
    this.#usesSessions = isPatient || this.#random.chance(context.parameters.sessionShare);
    this.#server = this.#random.pick(reach.serverNumbers());
  }

  /** Goes on until the end of the run. */
  run(): void {
    this.#context.after(this.#random.wait(this.#context.parameters.clientWaitMicros), () => {
      if (this.#context.quiet) return;
      const next = (): void => this.run();
      if (this.#random.chance(this.#context.parameters.readShare)) this.read(next);
      else this.write(next);
    });
  }

  read(done: (isAnswered: boolean) => void): void {
    const key = this.#pickKey();
    const operation = this.#history.call(this.#process, { op: "read", key });
    this.#context.count("operations");
    this.#try({
      make: (answer) => ({ kind: "read", key, answer }),
      isRepeatable: true,
      deadline: this.#deadline(),
      mayHaveHappened: false,
      ended: (answer) => {
        if (answer?.kind === "value") {
          this.#seen.set(key, answer.value);
          this.#history.ok(operation, { value: answer.value });
        } else this.#history.fail(operation);
        done(answer?.kind === "value");
      },
    });
  }

  write(done: (isAnswered: boolean) => void): void {
    const key = this.#pickKey();
    const value = this.#reach.nextValue();
    const action: Action = this.#random.chance(0.4)
      ? { kind: "cas", expected: this.#seen.get(key) ?? null, value }
      : { kind: "write", value };
    const operation =
      action.kind === "cas"
        ? this.#history.call(this.#process, { op: "cas", key, expected: action.expected, value })
        : this.#history.call(this.#process, { op: "write", key, value });
    if (this.#usesSessions && this.#session === 0) this.#session = this.#reach.nextSession();
    this.#sequence += 1;
    const session = this.#session;
    const sequence = this.#sequence;
    const bytes = this.#random.between(33, this.#context.parameters.entryBytesMax);
    this.#context.count("operations");
    this.#try({
      make: (answer) => {
        const command: Command = {
          bytes,
          attempt: this.#reach.nextAttempt(),
          session,
          sequence,
          key,
          action,
        };
        return { kind: "write", command, answer };
      },
      isRepeatable: session !== 0,
      deadline: this.#deadline(),
      mayHaveHappened: false,
      ended: (answer, mayHaveHappened) => {
        if (answer?.kind === "written") {
          this.#context.count("writes");
          this.#history.ok(operation, action.kind === "cas" ? { swapped: answer.result.swapped } : {});
          if (answer.result.swapped) this.#seen.set(key, value);
        } else if (mayHaveHappened) {
          this.#history.unknown(operation);
          // The session's next number would settle this one's fate only by luck: a new session begins.
          this.#session = 0;
        } else this.#history.fail(operation);
        done(answer?.kind === "written");
      },
    });
  }

  #deadline(): number {
    if (this.#isPatient) return Infinity;
    return this.#context.now + this.#context.parameters.clientTimeoutMicros * 4;
  }

  #pickKey(): string {
    return `k${this.#random.below(this.#context.parameters.keys)}`;
  }

  #try(attempts: Attempts): void {
    const context = this.#context;
    if (context.now > attempts.deadline) {
      attempts.ended(null, attempts.mayHaveHappened);
      return;
    }
    let isSettled = false;
    const settle = (answer: Answer | null): void => {
      if (isSettled) return;
      isSettled = true;
      this.#settled(attempts, answer);
    };
    const request = attempts.make((answer) => {
      if (this.#isLost()) return;
      context.after(this.#random.below(context.parameters.networkMicros), () => settle(answer));
    });
    if (!this.#isLost()) {
      const server = this.#server;
      context.after(this.#random.below(context.parameters.networkMicros), () =>
        this.#reach.ask(server, request),
      );
    }
    context.after(context.parameters.clientTimeoutMicros, () => settle(null));
  }

  #settled(attempts: Attempts, answer: Answer | null): void {
    if (answer !== null && answer.kind !== "refused") {
      attempts.ended(answer, true);
      return;
    }
    const hint = answer?.leader ?? null;
    this.#server =
      hint === null ? this.#random.pick(this.#reach.serverNumbers()) : this.#reach.numberOf(hint);
    if (answer === null) attempts.mayHaveHappened = true;
    if (answer === null && !attempts.isRepeatable) {
      attempts.ended(null, true);
      return;
    }
    this.#context.after(this.#random.wait(this.#context.parameters.tickMicros), () => this.#try(attempts));
  }

  #isLost(): boolean {
    if (!this.#random.chance(this.#context.faultNow("clientLoss"))) return false;
    this.#context.count("clientLoss");
    return true;
  }
}
