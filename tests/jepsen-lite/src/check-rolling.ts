// `npm run check:rolling`: every node of three is stopped and started again, one after the other, while clients go on. Exits 1 when a
// request failed or took longer than 500 ms, or a history is not what was promised; 2 for a wrong option.
import { runShow } from "./members/command.js";
import { THREE, restartAll } from "./members/rolling-restart.js";

process.exitCode = await runShow({
  name: "check:rolling",
  usage:
    "usage: npm run check:rolling -- [--seed S] [--rounds 3] [--pause 10] [--rest 1500] [--workload register,…] [--snapshots]",
  first: THREE,
  stallMsMax: 500,
  rounds: 3,
  play: async (scene, { restMs, rounds }) => restartAll(scene, rounds, restMs),
});
