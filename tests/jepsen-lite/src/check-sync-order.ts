// `npm run check:sync-order`: what one put does on the disks, seen from outside with strace. Exits 1 when a reply left before a
// majority had synced, or the store, whichever of its calls writes, was synced otherwise than FSM_SYNC_MODE says; 77 when strace is not there.
import { checkSyncOrder } from "./sync-order/check.js";
import { straceMissing } from "./sync-order/strace.js";
import { CALLS_EACH, checkWriteCalls } from "./sync-order/write-calls.js";

const log = (line: string): void => void process.stdout.write(`${line}\n`);

async function check(): Promise<boolean> {
  let kept = true;
  for (const mode of ["nosync", "sync"] as const) {
    const order = await checkSyncOrder(mode);
    log(`FSM_SYNC_MODE=${mode}`);
    for (const { name, leads, syncedBeforeReplyMs: early, storeWrites, storeSyncs } of order.nodes) {
      const when =
        early === null
          ? "not synced"
          : `synced ${Math.abs(early).toFixed(2)} ms ${early < 0 ? "after" : "before"} the reply`;
      log(
        `  ${name}${leads ? " (leader)" : ""}: log ${when}; store: ${storeWrites} writes, ${storeSyncs} syncs`,
      );
    }
    log(`  a majority synced before the reply: ${order.durableBeforeReply ? "yes" : "NO"}`);
    log(`  the store synced as ${mode} says: ${order.storeAsConfigured ? "yes" : "NO"}`);
    kept &&= order.durableBeforeReply && order.storeAsConfigured;
  }
  log(`syncs of LevelDB's log for ${CALLS_EACH} calls, and for filling the store`);
  for (const { call, expected, mode, syncs } of await checkWriteCalls()) {
    log(`  ${mode} ${call}: ${syncs}${syncs === expected ? "" : `, NOT ${expected}`}`);
    kept &&= syncs === expected;
  }
  return kept;
}

const missing = straceMissing();
if (missing === null) {
  process.exitCode = (await check()) ? 0 : 1;
} else {
  log(`skipped: ${missing}`);
  process.exitCode = 77;
}
