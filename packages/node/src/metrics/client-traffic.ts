import { ERRORS, Op, REPLY_ERROR } from "@raftkv/protocol";
import type { WireReply } from "@raftkv/protocol";
import { Counter } from "prom-client";
import type { Registry } from "prom-client";

const OPERATIONS = Object.entries(Op) as [keyof typeof Op, number][];
const CODES = Object.entries(ERRORS).flatMap(([code, { wire }]) => (wire === null ? [] : [{ code, wire }]));

/**
 * What this node's clients were told: a reply is counted as it leaves, whoever made it, so the counts are what the clients
 * saw. Two additions a reply.
 */
export class ClientTraffic {
  readonly #answers = new Float64Array(Math.max(...OPERATIONS.map(([, op]) => op)) + 1);
  readonly #refusals = new Float64Array(Math.max(...CODES.map(({ wire }) => wire)) + 1);

  replied([, op, code]: WireReply): void {
    if (op !== REPLY_ERROR) this.#answers[op] = (this.#answers[op] ?? 0) + 1;
    else if (typeof code === "number") this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
  }

  register(registry: Registry): void {
    const answers = this.#answers;
    const refusals = this.#refusals;
    registry.registerMetric(
      new Counter({
        name: "raftkv_client_answers_total",
        help: "Requests of clients that were answered in full, by operation",
        labelNames: ["operation"],
        registers: [],
        collect() {
          this.reset();
          for (const [operation, op] of OPERATIONS) this.inc({ operation }, answers[op] ?? 0);
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: "raftkv_client_refusals_total",
        help: "Requests of clients that ended with an error, by its code",
        labelNames: ["code"],
        registers: [],
        collect() {
          this.reset();
          for (const { code, wire } of CODES) this.inc({ code }, refusals[wire] ?? 0);
        },
      }),
    );
  }
}
