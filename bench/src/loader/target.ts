import { connect } from "@raftkv/client";
import type { Client } from "@raftkv/client";
import { connectEcho } from "../echo/client.js";

/** What a closed loop needs of whom it loads. */
export interface Target {
  put(key: string, value: Uint8Array): Promise<unknown>;
  /** @throws {Error} the key is not there: a benchmark of reads reads what was put. */
  get(key: string, consistency: "linearizable" | "serializable"): Promise<unknown>;
  /** The client of raftkv itself, for what only it can do; null for the bare echo. */
  readonly client: Client | null;
  close(): Promise<void>;
}

export type TargetKind = "raftkv" | "echo";

export async function connectTarget(
  kind: TargetKind,
  endpoints: readonly string[],
  timeoutMs: number,
): Promise<Target> {
  if (kind === "echo") return connectEcho(endpoints[0] as string);
  const client = await connect({ endpoints, timeoutMs });
  return {
    client,
    put: (key, value) => client.put(key, value),
    get: async (key, consistency) => {
      if ((await client.get(key, { consistency })) === null)
        throw new Error("a key that was put is not there");
    },
    close: () => client.close(),
  };
}
