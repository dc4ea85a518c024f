import type { RaftKvError } from "@raftkv/protocol";
import { Client } from "./client.js";
import { Dispatcher } from "./dispatcher.js";
import { LeaderFinder } from "./leader-finder.js";
import { toSettings } from "./options.js";
import type { ConnectOptions } from "./options.js";
import { unavailable } from "./outcome.js";
import { WatchSet } from "./watch-set.js";

/**
 * Connects to a cluster, and resolves as soon as one node has taken us. The leader is looked for on the way and
 * afterwards: a cluster that has none at the moment still serves serializable gets.
 * @throws {RaftKvError} INVALID_ARGUMENT; UNAVAILABLE: no endpoint answered within `timeoutMs`, with what each said;
 *   WRONG_CLUSTER, UNSUPPORTED_VERSION: every endpoint refused for good. Or the signal's reason.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const settings = toSettings(options);
  const { signal } = options;
  signal?.throwIfAborted();
  let onChange = (): void => {};
  const finder: LeaderFinder = new LeaderFinder(settings, {
    tryAgain: () => {
      onChange();
      dispatcher.schedule();
    },
    replied: (connection, replies) => dispatcher.replied(connection, replies),
    lost: (connection, error) => {
      dispatcher.lost(connection, error);
      watches.left(connection);
    },
    superseded: (connection) => {
      dispatcher.superseded(connection);
      watches.left(connection);
    },
    left: (connection) => watches.left(connection),
    watched: (connection, events) => watches.watched(connection, events),
    watchEnded: (watchId, refusal) => watches.watchEnded(watchId, refusal),
  });
  const dispatcher = new Dispatcher(finder, settings);
  const watches = new WatchSet(dispatcher, settings.timeoutMs);
  const client = new Client(settings, finder, dispatcher, watches);
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => end(unavailable(finder, settings.timeoutMs)), settings.timeoutMs);
      const onAbort = (): void => end(signal?.reason);
      const end = (error: unknown): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        onChange = () => {};
        if (error === null) resolve();
        else reject(error);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      onChange = () => {
        const refusal: RaftKvError | null = finder.refusalOfAll;
        if (finder.limits !== null) end(null);
        else if (refusal !== null) end(refusal);
      };
      finder.seek();
    });
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}
