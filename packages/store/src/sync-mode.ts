import { InvalidFsmSyncModeError } from "./errors.js";

/**
 * Whether writes that come out of the Raft log are synced one by one. Either way the log and the checkpoint carry
 * their durability; writes that have no log behind them are always synced, whatever the mode (S6).
 */
export type FsmSyncMode = "sync" | "nosync";

/**
 * Reads `FSM_SYNC_MODE`. Unset or blank means `nosync`; spaces around it and case do not matter.
 * @throws {InvalidFsmSyncModeError} anything else: a node with a misspelt mode must not start with another one.
 */
export function parseFsmSyncMode(text: string | undefined, setting = "FSM_SYNC_MODE"): FsmSyncMode {
  const mode = (text ?? "").trim().toLowerCase();
  if (mode === "") return "nosync";
  if (mode === "sync" || mode === "nosync") return mode;
  throw new InvalidFsmSyncModeError(setting, text ?? "");
}
